"""The primary's autoscaler."""

import pytest

from activities.kube.objects import at, maps_at, texts_at
from activities.workload.scalers import pause, primary_scaler, resume, rewritten
from tests.unit.workload.targets import Json
from workflows.model.target import AutoscalerRef

PAUSED = "autoscaling.keda.sh/paused-replicas"


def _ref(kind: str, **fields: object) -> AutoscalerRef:
    return AutoscalerRef.model_validate({"kind": kind, "name": "web", **fields})


def _scaled_object(**annotations: str) -> Json:
    trigger: Json = {"type": "prometheus", "name": "rps", "metadata": {"query": "sum(web-canary)"}}
    other: Json = {"type": "cpu", "metadata": {"value": "80"}}
    named: Json = {"horizontalPodAutoscalerConfig": {"name": "web-hpa"}}
    return {
        "metadata": {"name": "web", "namespace": "shop", "annotations": dict(annotations)},
        "spec": {
            "scaleTargetRef": {"name": "web"},
            "minReplicaCount": 1,
            "triggers": [trigger, other],
            "advanced": named,
        },
    }


def test_an_hpa_scales_the_primary_with_the_limits_of_the_canary() -> None:
    limits = {"minReplicas": 3, "maxReplicas": 5}
    live: Json = {"spec": {"minReplicas": 1, "maxReplicas": 9, "behavior": {"x": 1},
                           "scaleTargetRef": {"kind": "Deployment", "name": "web"}}}  # fmt: skip
    ref = _ref("HorizontalPodAutoscaler", primaryScalerReplicas=limits)
    spec = primary_scaler(ref, live, "web")["spec"]
    target: Json = {"kind": "Deployment", "name": "web-primary"}
    assert spec == {**limits, "behavior": {"x": 1}, "scaleTargetRef": target}


@pytest.mark.parametrize(("floor", "least"), [(0, 2), (4, 4), (99, 9)])
def test_a_floor_never_exceeds_the_most(floor: int, least: int) -> None:
    live: Json = {"spec": {"minReplicas": 2, "maxReplicas": 9}}
    primary = primary_scaler(_ref("HorizontalPodAutoscaler"), live, "web", floor)
    assert at(primary, "spec", "minReplicas") == least


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("up{app='web'}", "up{app='web-primary'}"),
        ("up{app='web-canary'}", "up{app='web-primary'}"),
        ("up{app='web-primary'}", "up{app='web-primary'}"),
    ],
)
def test_queries_ask_about_the_primary(query: str, asked: str) -> None:
    assert rewritten(query, "web") == asked


def test_a_scaled_object_keeps_what_is_not_about_the_target() -> None:
    primary = primary_scaler(_ref("ScaledObject"), _scaled_object(), "web")
    spec = primary["spec"]
    assert isinstance(spec, dict)
    assert "sum(web-primary)" in str(spec["triggers"])
    assert {"type": "cpu", "metadata": {"value": "80"}} in maps_at(spec, "triggers")
    assert spec["advanced"] == {"horizontalPodAutoscalerConfig": {"name": "web-hpa-primary"}}


def test_named_queries_replace_the_rewriting_of_all() -> None:
    ref = _ref("ScaledObject", primaryScalerQueries={"rps": "mine"})
    assert "'query': 'mine'" in str(primary_scaler(ref, _scaled_object(), "web"))
    ref = _ref("ScaledObject", primaryScalerQueries={"else": "mine"})
    assert "sum(web-canary)" in str(primary_scaler(ref, _scaled_object(), "web"))


def test_the_pause_annotation_is_never_copied() -> None:
    live = _scaled_object(**{PAUSED: "0", "autoscaling.keda.sh/paused": "true", "owner": "a"})
    notes = texts_at(primary_scaler(_ref("ScaledObject"), live, "web"), "metadata", "annotations")
    assert notes == {"owner": "a"}


def test_only_scaled_objects_are_paused_and_resumed_and_only_once() -> None:
    ref, hpa = _ref("ScaledObject"), _ref("HorizontalPodAutoscaler")
    awake, paused = _scaled_object(), _scaled_object(**{PAUSED: "0"})
    assert pause(ref, awake) == {"metadata": {"annotations": {PAUSED: "0"}}}
    assert resume(ref, paused) == {"metadata": {"annotations": {PAUSED: None}}}
    assert [pause(ref, paused), resume(ref, awake), pause(hpa, awake), resume(hpa, paused)] == [
        None
    ] * 4
