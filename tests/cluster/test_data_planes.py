"""Traefik carries out the routes of three providers, to the request."""

import asyncio
from collections import Counter

import pytest

from activities.kube.objects import maps_at, text_at
from tests.cluster.asking import asked
from tests.cluster.objects import GATEWAY, NGINX, TRAEFIK, deployment, service
from tests.cluster.session import Cluster, until


async def two_shops(cluster: Cluster, namespace: str) -> None:
    """Version v1 as `primary`, version v2 as `canary`."""
    await cluster.namespace(namespace)
    for name, version in (("primary", "v1"), ("canary", "v2")):
        await cluster.apply(deployment(name, version), namespace)
        await cluster.apply(service(name), namespace)
    await asyncio.gather(*(cluster.ready(each, namespace) for each in ("primary", "canary")))


@pytest.mark.parametrize(
    ("name", "routes", "host", "shares"),
    [
        ("traefik-service", TRAEFIK, "weighted.test", {"v1": 30, "v2": 10}),
        ("gateway-api", GATEWAY, "gateway.test", {"v1": 20, "v2": 20}),
        ("ingress-nginx", NGINX, "nginx.test", {"v1": 30, "v2": 10}),
    ],
)
async def test_requests_are_shared_as_the_route_says(
    cluster: Cluster, name: str, routes: str, host: str, shares: dict[str, int]
) -> None:
    await two_shops(cluster, name)
    await cluster.apply(routes, name)

    async def shared() -> bool:
        return await asked(cluster.ingress_url, 40, Host=host) == Counter(shares)

    await until(shared, f"40 requests are shared {shares}")


async def test_a_gateway_accepts_a_route(cluster: Cluster) -> None:
    await two_shops(cluster, "accepted")
    await cluster.apply(GATEWAY.replace("gateway.test", "accepted.test"), "accepted")

    async def accepted() -> bool:
        version = "gateway.networking.k8s.io/v1"
        route = await cluster.get(version, "HTTPRoute", "shop", "accepted") or {}
        return any(
            text_at(each, "type") == "Accepted" and text_at(each, "status") == "True"
            for parent in maps_at(route, "status", "parents")
            for each in maps_at(parent, "conditions")
        )

    await until(accepted, "the route is accepted")
