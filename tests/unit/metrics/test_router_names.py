"""Which services of a Traefik are the primary's and the canary's of a slot."""

import pytest

from activities.metrics.router_names import names_of
from workflows.model.identity import Slot
from workflows.model.plan import Traffic

SLOT = Slot(namespace="test", name="shop")
ROUTE = "httproute-test-front-gw-doors-web-ep-web-0-c242583ca23d03bac360"


@pytest.mark.parametrize(
    ("provider", "primary", "canary"),
    [
        ("traefik", "test-front-primary-80@kubernetescrd", "test-front-canary-80@kubernetescrd"),
        (
            "gatewayapi:v1",
            "test-front-primary-http-80@kubernetesgateway",
            "test-front-canary-http-80@kubernetesgateway",
        ),
        (
            "gatewayapi:v1beta1",
            "test-front-primary-80@kubernetesgateway",
            "test-front-canary-80@kubernetesgateway",
        ),
        (
            "gatewayapi:v1",
            f"{ROUTE}-svc-test-front-primary-0@kubernetesgateway",
            f"{ROUTE}-svc-test-front-canary-1@kubernetesgateway",
        ),
        (
            "nginx",
            "test-edge-front-80@kubernetesingressnginx",
            "test-edge-front-80-canary@kubernetesingressnginx",
        ),
        (
            "nginx",
            "test-edge-front-http@kubernetesingressnginx",
            "test-edge-canary-front-canary-http@kubernetesingressnginx",
        ),
    ],
)
def test_sides_are_told_by_the_name(provider: str, primary: str, canary: str) -> None:
    names = names_of(SLOT, Traffic(provider=provider, service="front", port=80), "edge")
    others = ["test-storefront-canary-80@kubernetescrd", "prod-front-canary-80@kubernetescrd",
              "test-front-canary-http-81@kubernetesgateway", "api@internal",
              f"{ROUTE}-svc-test-storefront-canary-1@kubernetesgateway",
              f"{ROUTE.replace('test', 'prod')}-svc-prod-front-canary-1@kubernetesgateway",
              "test-edge-storefront-80-canary@kubernetesingressnginx"]  # fmt: skip
    services = [*others, primary, canary]
    assert names.primary_of(services) == [primary]
    assert names.canary_of(services) == [canary]
