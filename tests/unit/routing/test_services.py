"""The apex, primary and canary Services."""

import json
from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, maps_at, ref_of, texts_at
from activities.routing.before import BEFORE
from activities.routing.removals import removals
from activities.routing.router import Rollout, RouteError
from activities.routing.services import (
    FoundPort,
    found_ports,
    services_read,
    services_undone,
    services_wanted,
)
from tests.unit.routing.scenes import a_rollout, changed, live_of, standing

OPT_OUT = {
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "helm.toolkit.fluxcd.io/driftDetection": "disabled",
}
APEX = Ref("v1", "Service", "web", "shop")
CONTAINERS: list[dict[str, JsonValue]] = [
    {"name": "app", "ports": [
        {"containerPort": 8080, "name": "http"},
        {"containerPort": 9090},
        {"containerPort": 53, "name": "dns", "protocol": "UDP"},
    ]},
    {"name": "admin", "ports": [{"containerPort": 8081, "name": "http"}]},
    {"name": "istio-proxy", "ports": [{"containerPort": 15090, "name": "envoy"}]},
    {"name": "envoy", "ports": [{"containerPort": 15001}]},
]  # fmt: skip


def written(
    rollout: Rollout, live: Mapping[Ref, KubeObject] = {}, **more: bool
) -> dict[str, KubeObject]:
    return {ref.name: each for ref, each in objects(rollout, live, **more).items()}


def objects(
    rollout: Rollout, live: Mapping[Ref, KubeObject] = {}, *, apex: bool = True
) -> dict[Ref, KubeObject]:
    found = dict(live)
    ports = found_ports(rollout, CONTAINERS)
    for wanted in services_wanted(rollout, ports=ports, live=live, apex=apex):
        found = standing(wanted, found)
    return found


def a_users_apex(**spec: JsonValue) -> KubeObject:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop", "annotations": {"note": "mine"}},
        "spec": {
            "type": "NodePort",
            "clusterIP": "10.96.0.9",
            "selector": {"app": "app", "tier": "front"},
            "ports": [{"name": "http", "port": 80, "targetPort": 9898, "nodePort": 30080}],
            **spec,
        },
    }


def test_users_and_the_primary_meet_primary_pods_and_tests_meet_the_canarys() -> None:
    found = written(a_rollout("traefik"))

    selectors = {name: map_at(each, "spec", "selector") for name, each in found.items()}
    assert selectors == {
        "web": {"app": "app-primary"},
        "web-primary": {"app": "app-primary"},
        "web-canary": {"app": "app"},
    }
    for name, each in found.items():
        assert map_at(each, "metadata", "labels") == {"app": name}
        assert OPT_OUT.items() <= texts_at(each, "metadata", "annotations").items()
        assert maps_at(each, "spec", "ports") == [
            {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
        ]


def test_the_apex_is_left_alone_until_the_primary_can_serve_it() -> None:
    assert written(a_rollout("traefik"), apex=False).keys() == {"web-primary", "web-canary"}


def test_a_target_that_is_a_service_brings_its_own() -> None:
    target: JsonValue = {"apiVersion": "v1", "kind": "Service", "name": "app"}
    rollout = a_rollout("traefik", targetRef=target)

    assert services_wanted(rollout, live={}) == ()
    assert services_read(rollout) == ()


def test_found_ports_have_names_of_their_own_and_proxies_are_left_out() -> None:
    rollout = a_rollout("traefik", service={"portDiscovery": True})

    assert found_ports(rollout, CONTAINERS) == (
        FoundPort("tcp-app-1", 9090),
        FoundPort("dns", 53, "UDP"),
        FoundPort("http-8081", 8081),
    )
    assert [each["name"] for each in maps_at(written(rollout)["web"], "spec", "ports")] == [
        "http", "tcp-app-1", "dns", "http-8081",
    ]  # fmt: skip
    assert found_ports(a_rollout("traefik"), CONTAINERS) == ()


def test_a_target_port_given_by_name_is_not_found_again() -> None:
    rollout = a_rollout("traefik", service={"portDiscovery": True, "targetPort": "dns"})

    assert "dns" not in {each.name for each in found_ports(rollout, CONTAINERS)}


def test_protocol_and_distribution_are_kept_up_to_date() -> None:
    plain = objects(a_rollout("traefik"))
    rollout = a_rollout(
        "traefik", service={"appProtocol": "h2c", "trafficDistribution": "PreferClose"}
    )

    changed_since = objects(rollout, plain)[APEX]

    assert maps_at(changed_since, "spec", "ports")[0]["appProtocol"] == "h2c"
    assert map_at(changed_since, "spec")["trafficDistribution"] == "PreferClose"


def test_an_address_is_given_or_not_only_once() -> None:
    headless = a_rollout("traefik", service={"headless": True})
    plain = a_rollout("traefik")

    assert map_at(written(headless)["web"], "spec")["clusterIP"] == "None"
    with_address = changed(written(plain)["web"], "spec", "clusterIP", to="10.96.0.7")
    kept = objects(headless, live_of(with_address))[APEX]
    assert map_at(kept, "spec")["clusterIP"] == "10.96.0.7"
    assert map_at(written(plain, objects(headless))["web"], "spec")["clusterIP"] == "None"


def test_texts_are_exactly_those_of_the_manifest_but_for_unmanaged_ones() -> None:
    rollout = a_rollout(
        "traefik",
        service={
            "apex": {"labels": {"team": "shop"}, "annotations": {"seen": "wanted"}},
            "unmanagedMetadata": {"labels": ["free"], "annotations": ["seen"]},
        },
    )
    live = objects(rollout)
    stray = changed(live[APEX], "metadata", "labels", "stray", to="1")
    stray = changed(stray, "metadata", "labels", "free", to="2")
    stray = changed(stray, "metadata", "annotations", "seen", to="theirs")

    apex = next(each for wanted in services_wanted(rollout, live={**live, APEX: stray})
                for each in wanted.objects if ref_of(each) == APEX)  # fmt: skip

    assert removals(apex, stray) == {"metadata": {"labels": {"stray": None}}}
    after = objects(rollout, {**live, APEX: stray})[APEX]
    assert map_at(after, "metadata", "labels") == {"app": "web", "team": "shop", "free": "2"}
    assert texts_at(after, "metadata", "annotations")["seen"] == "theirs"


def test_flux_labels_of_the_manifest_are_not_put_on_a_service() -> None:
    rollout = a_rollout("traefik", service={"apex": {"labels": {"a.toolkit.fluxcd.io/name": "x"}}})

    assert map_at(written(rollout)["web"], "metadata", "labels") == {"app": "web"}


def test_an_apex_that_was_there_is_adopted_not_owned_and_given_back() -> None:
    rollout, theirs = a_rollout("traefik"), live_of(a_users_apex())
    owned = {each.objects[0]["metadata"]["name"]: each.owned  # type: ignore[index,call-overload]
             for each in services_wanted(rollout, live=theirs)}  # fmt: skip

    live = objects(rollout, objects(rollout, theirs))
    live = objects(rollout, live)
    adopted = objects(rollout, theirs)[APEX]

    assert owned == {"web-primary": True, "web-canary": True, "web": False}
    assert map_at(adopted, "spec", "selector")["app"] == "app-primary"
    assert maps_at(adopted, "spec", "ports")[0]["nodePort"] == 30080
    assert map_at(adopted, "spec")["type"] == "NodePort"
    assert OPT_OUT.items() <= texts_at(adopted, "metadata", "annotations").items()
    back = dict(live)
    for wanted in services_undone(rollout, objects(rollout, theirs)):
        back = standing(wanted, back)
    assert back.keys() == {APEX}
    assert map_at(back[APEX], "spec", "selector")["app"] == "app"
    assert map_at(back[APEX], "spec")["ports"] == map_at(a_users_apex(), "spec")["ports"]
    assert not OPT_OUT.keys() & texts_at(back[APEX], "metadata", "annotations").keys()


@pytest.mark.parametrize(
    ("applied", "expected"),
    [('{"spec":{"selector":{"app":"app","v":"1"}}}', {"app": "app", "v": "1"}),
     ("", {"app": "app"})],
)  # fmt: skip
def test_an_apex_that_flagger_adopted_is_given_back_to_the_targets_own_pods(
    applied: str, expected: Mapping[str, str]
) -> None:
    rollout = a_rollout("traefik")
    texts: JsonValue = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    apex = changed(a_users_apex(selector={"app": "app-primary"}), "metadata", "annotations",
                   to=texts if applied else {})  # fmt: skip

    live = objects(rollout, live_of(apex))
    memory = json.loads(texts_at(live[APEX], "metadata", "annotations")[BEFORE])
    undone = {ref_of(each): each for wanted in services_undone(rollout, live_of(apex))
              for each in wanted.objects}  # fmt: skip

    assert memory["spec"]["selector"] == expected
    assert map_at(undone[APEX], "spec", "selector") == expected


def test_node_ports_stay_when_a_port_changes_its_number() -> None:
    rollout = a_rollout("traefik", service={"port": 8000})
    live = objects(a_rollout("traefik"))
    exposed = changed(live[APEX], "spec", "ports", 0, "nodePort", to=30123)

    port = maps_at(objects(rollout, {**live, APEX: exposed})[APEX], "spec", "ports")[0]

    assert (port["port"], port["nodePort"]) == (8000, 30123)


def test_a_revert_removes_the_services_that_serinus_made() -> None:
    rollout = a_rollout("traefik")

    absent = {ref.name for wanted in services_undone(rollout, objects(rollout))
              for ref in wanted.absent}  # fmt: skip

    assert absent == {"web", "web-primary", "web-canary"}


def test_a_service_of_another_canary_is_never_taken() -> None:
    owner: JsonValue = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "another"}
    theirs = changed(a_users_apex(), "metadata", "ownerReferences", to=[owner])

    with pytest.raises(RouteError, match="another"):
        services_wanted(a_rollout("traefik"), live=live_of(theirs))
