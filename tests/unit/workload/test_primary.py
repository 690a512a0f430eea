"""The primary's copy of a target."""

import pytest
from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.kube.objects import at, map_at, texts_at
from activities.workload.daemon_set import DaemonSets
from activities.workload.deployment import Deployments
from activities.workload.kind import same_pods
from activities.workload.selector import selector_label
from tests.unit.workload.targets import Json, a_target, an_origin
from workflows.errors import Reason, reason_of


def test_the_primary_is_selected_by_its_own_label_only() -> None:
    primary = Deployments().primary(an_origin(a_target(replicas=4, minReadySeconds=5)))
    assert at(primary, "metadata", "name") == "web-primary"
    assert at(primary, "spec", "selector") == {"matchLabels": {"app": "web-primary"}}
    pods = texts_at(primary, "spec", "template", "metadata", "labels")
    assert pods == {"app": "web-primary", "team": "a"}
    assert (at(primary, "spec", "replicas"), at(primary, "spec", "minReadySeconds")) == (4, 5)


def test_the_primary_of_a_target_at_zero_has_one_copy() -> None:
    assert at(Deployments().primary(an_origin(a_target(replicas=0))), "spec", "replicas") == 1


@pytest.mark.parametrize(
    ("prefixes", "kept"),
    [((), {}), (("te",), {"team": "a"}), (("*",), {"team": "a"})],
)
def test_labels_are_copied_by_prefix(prefixes: tuple[str, ...], kept: dict[str, str]) -> None:
    primary = Deployments().primary(an_origin(a_target(), prefixes=prefixes))
    assert texts_at(primary, "metadata", "labels") == {**kept, "app": "web-primary"}


def test_annotations_that_others_keep_about_the_target_are_not_copied() -> None:
    notes = texts_at(Deployments().primary(an_origin(a_target())), "metadata", "annotations")
    assert notes == {"owner": "a", "serinus.dev/revision": "s1-1"}


def _apart(value: str) -> Json:
    selector: Json = {
        "matchLabels": {"app": value},
        "matchExpressions": [{"key": "app", "operator": "In", "values": [value, "other"]}],
    }
    term: Json = {"labelSelector": selector, "topologyKey": "host"}
    return {
        "containers": [{"name": "web"}],
        "affinity": {
            "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]},
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [term],
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "podAffinityTerm": term}
                ],
            },
        },
        "topologySpreadConstraints": [{"labelSelector": selector, "maxSkew": 1}],
    }


def test_rules_that_keep_pods_apart_are_about_the_primarys_own_pods() -> None:
    pod = at(Deployments().primary(an_origin(a_target(pod=_apart("web")))), "spec", "template")
    affinity = at(_spec(pod), "affinity")
    assert isinstance(affinity, dict)
    own = _apart("web-primary")
    assert affinity["podAntiAffinity"] == at(own, "affinity", "podAntiAffinity")
    assert affinity["podAffinity"] == at(_apart("web"), "affinity", "podAffinity")
    assert at(_spec(pod), "topologySpreadConstraints") == own["topologySpreadConstraints"]


def test_a_daemon_set_is_woken_in_its_primary() -> None:
    nodes: Json = {"flagger.app/scale-to-zero": "true", "disk": "fast"}
    target = a_target("DaemonSet", pod={"containers": [], "nodeSelector": nodes})
    pod = at(DaemonSets().primary(an_origin(target)), "spec", "template")
    assert at(_spec(pod), "nodeSelector") == {"disk": "fast"}


def test_pods_read_the_copies_of_tracked_configs_and_nothing_else_changes() -> None:
    pod: Json = {
        "containers": [
            {
                "name": "web",
                "env": [
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "a"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "shared", "key": "b"}}},
                    {"name": "C", "value": "plain"},
                ],
                "envFrom": [{"secretRef": {"name": "s"}}],
            }
        ],
        "initContainers": [{"name": "init", "envFrom": [{"configMapRef": {"name": "c"}}]}],
        "volumes": [
            {"name": "one", "configMap": {"name": "c", "defaultMode": 420}},
            {"name": "two", "secret": {"secretName": "s"}},
            {"name": "all", "projected": {"sources": [{"secret": {"name": "s"}},
                                                      {"downwardAPI": {"items": []}}]}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }  # fmt: skip
    copies = {"configmap/c": "c-primary", "secret/s": "s-primary"}
    primary = Deployments().primary(an_origin(a_target(pod=pod), copies=copies))
    text = str(_spec(at(primary, "spec", "template")))
    expected = str(pod).replace("'c'", "'c-primary'").replace("'s'", "'s-primary'")
    assert text == expected


def test_a_new_mark_alone_is_no_other_pod() -> None:
    target = a_target()
    one, other = (Deployments().primary(an_origin(target)) for _ in range(2))
    marked = str(other).replace("'m'", "'n'")
    assert str(one) != marked
    assert same_pods(one, other)
    changed = Deployments().primary(an_origin(a_target(pod={"containers": [{"name": "x"}]})))
    assert not same_pods(one, changed)


def test_the_first_configured_label_that_the_target_selects_by_is_taken() -> None:
    target = a_target(selector={"matchLabels": {"name": "n", "app.kubernetes.io/name": "k"}})
    assert selector_label(target) == ("name", "n")
    assert selector_label(target, ("app.kubernetes.io/name",)) == ("app.kubernetes.io/name", "k")


def test_a_target_without_a_known_label_is_refused_and_told_what_to_do() -> None:
    with pytest.raises(ApplicationError) as refused:
        selector_label(a_target(selector={"matchLabels": {"x": "y"}}))
    assert reason_of(refused.value) is Reason.INVALID_MANIFEST


def _spec(template: JsonValue) -> Json:
    assert isinstance(template, dict)
    return map_at(template, "spec")
