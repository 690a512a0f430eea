"""TrafficSplit in its versions."""

import pytest
from pydantic import JsonValue

from activities.kube.objects import Ref, map_at, texts_at
from activities.routing.registry import ROUTERS
from activities.routing.smi import GATEWAYS, smi
from tests.unit.routing.scenes import a_rollout, changed, routes, standing
from workflows.model.provider import Provider


@pytest.mark.parametrize(
    ("provider", "version", "weights"),
    [
        ("linkerd", "v1alpha1", ["30", "70"]),
        ("osm", "v1alpha2", [30, 70]),
        ("smi:v1alpha1", "v1alpha1", ["30", "70"]),
        ("smi:v1alpha2", "v1alpha2", [30, 70]),
        ("smi:v1alpha3", "v1alpha3", [30, 70]),
    ],
)
def test_weights_are_quantities_in_the_first_version_and_integers_later(
    provider: str, version: str, weights: list[JsonValue]
) -> None:
    rollout = a_rollout(provider)
    [(ref, made)] = standing(
        ROUTERS[Provider(provider)].wanted(rollout, routes(30), {})
    ).items()  # fmt: skip

    assert ref == Ref(f"split.smi-spec.io/{version}", "TrafficSplit", "web", "shop")
    assert made["spec"] == {
        "service": "web",
        "backends": [
            {"service": "web-canary", "weight": weights[0]},
            {"service": "web-primary", "weight": weights[1]},
        ],
    }
    assert "labels" not in map_at(made, "metadata")


def test_the_root_service_is_the_first_host() -> None:
    rollout = a_rollout("linkerd", service={"hosts": ["shop.example.com", "second"]})
    [made] = standing(smi("v1alpha1").wanted(rollout, routes(0), {})).values()

    assert map_at(made, "spec")["service"] == "shop.example.com"


def test_only_istios_adapter_is_told_the_gateways() -> None:
    rollout = a_rollout("linkerd", service={"gateways": ["mesh", "public"]})
    [istio] = standing(smi("v1alpha1", "istio").wanted(rollout, routes(0), {})).values()
    [plain] = standing(smi("v1alpha1").wanted(rollout, routes(0), {})).values()

    assert texts_at(istio, "metadata", "annotations")[GATEWAYS] == '["mesh","public"]'
    assert GATEWAYS not in texts_at(plain, "metadata", "annotations")


@pytest.mark.parametrize("weight", ["300m", "1e2", -30, None, True])
def test_a_quantity_that_is_not_whole_is_no_route(weight: JsonValue) -> None:
    rollout = a_rollout("linkerd")
    [(ref, made)] = standing(smi("v1alpha1").wanted(rollout, routes(30), {})).items()

    drifted = changed(made, "spec", "backends", 0, "weight", to=weight)

    assert smi("v1alpha1").routes_of(rollout, {ref: drifted}) is None
