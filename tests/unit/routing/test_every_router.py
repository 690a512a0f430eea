"""What every router without mirroring promises, asked of each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, ref_of
from activities.routing.before import BEFORE
from activities.routing.registry import ROUTERS
from activities.routing.removals import satisfied
from activities.routing.router import RouteError
from tests.unit.routing.scenes import (
    WEIGHTED,
    a_rollout,
    ab,
    brought,
    changed,
    live_of,
    routes,
    standing,
)
from workflows.model.plan import Routes
from workflows.model.provider import Provider

WEIGHTS = {
    "appmesh": ("VirtualService", ("spec", "routes", 0, "http", "action", "weightedTargets", 0,
                                   "weight")),
    "appmesh:v1beta2": ("VirtualRouter", ("spec", "routes", 0, "httpRoute", "action",
                                          "weightedTargets", 0, "weight")),
    "apisix": ("ApisixRoute", ("spec", "http", 0, "backends", 0, "weight")),
    "contour": ("HTTPProxy", ("spec", "routes", 0, "services", 0, "weight")),
    "gloo": ("RouteTable", ("spec", "routes", 0, "routeAction", "multi", "destinations", 0,
                            "weight")),
    "knative": ("Service", ("spec", "traffic", 0, "percent")),
    "kuma": ("TrafficRoute", ("spec", "conf", "split", 0, "weight")),
    "linkerd": ("TrafficSplit", ("spec", "backends", 0, "weight")),
    "nginx": ("Ingress", ("metadata", "annotations", "nginx.ingress.kubernetes.io/canary-weight")),
    "osm": ("TrafficSplit", ("spec", "backends", 0, "weight")),
    "skipper": ("Ingress", ("metadata", "annotations", "zalando.org/backend-weights")),
    "smi:v1alpha1": ("TrafficSplit", ("spec", "backends", 0, "weight")),
    "smi:v1alpha2": ("TrafficSplit", ("spec", "backends", 0, "weight")),
    "smi:v1alpha3": ("TrafficSplit", ("spec", "backends", 0, "weight")),
    "traefik": ("TraefikService", ("spec", "weighted", "services", 0, "weight")),
}  # fmt: skip
"""Where the first weight stands in the object that has them."""
BY_WEIGHT = sorted(WEIGHTS)
AB = ("appmesh", "appmesh:v1beta2", "contour", "gloo")
CREATED = sorted({*WEIGHTS} - {"knative", "kuma"})
"""Those that make namespaced objects."""
shares = st.integers(0, 100)


def one_of(live: dict[Ref, KubeObject], kind: str) -> Ref:
    """The object with the weights; the user's own Ingress or route is not it."""
    names = {"web-canary", "web-canary.shop", "door", "way"}
    return next(ref for ref in live if ref.kind == kind and ref.name not in names)


def test_every_provider_of_a_cluster_has_a_router() -> None:
    assert set(ROUTERS) == set(Provider) - {Provider.LOCAL}


@pytest.mark.parametrize("provider", BY_WEIGHT)
@given(share=shares, before=shares)
def test_weights_are_read_back_as_they_were_written(provider: str, share: int, before: int) -> None:
    router, rollout = ROUTERS[Provider(provider)], a_rollout(provider)
    live = standing(router.wanted(rollout, routes(before), brought(provider)), brought(provider))

    wanted = router.wanted(rollout, routes(share), live)
    written = standing(wanted, live)

    assert router.routes_of(rollout, written) == routes(share)
    assert set(written) <= set(router.reads(rollout)), "an object that is written is looked at"


@pytest.mark.parametrize("provider", AB)
@given(share=shares)
def test_an_ab_test_is_read_back_and_its_others_stay_on_the_primary(
    provider: str, share: int
) -> None:
    match: JsonValue = {"headers": {"x-user": {"exact": "b"}}}
    rollout = a_rollout(provider, analysis=ab({"headers": {"x-user": {"exact": "a"}}}, match))
    router = ROUTERS[Provider(provider)]

    written = standing(router.wanted(rollout, routes(share), {}))

    assert router.routes_of(rollout, written) == routes(share)
    kind, path = WEIGHTS[provider]
    ref = one_of(written, kind)
    rules: JsonValue = map_at(written[ref], "spec")["routes"]
    assert isinstance(rules, list)
    moved = changed(written[ref], *path[:1], "routes", to=[*rules[:-1], rules[0]])
    others_moved = router.routes_of(rollout, {**written, ref: moved})
    assert others_moved == (None if share else routes(0))


@pytest.mark.parametrize("provider", BY_WEIGHT)
@given(share=st.integers(1, 100), edited=st.integers(0, 200))
def test_a_weight_changed_by_hand_is_seen_and_repaired_to_the_believed_one(
    provider: str, share: int, edited: int
) -> None:
    router, rollout = ROUTERS[Provider(provider)], a_rollout(provider)
    written = standing(router.wanted(rollout, routes(share), brought(provider)), brought(provider))
    kind, path = WEIGHTS[provider]
    ref = one_of(written, kind)
    by_hand: JsonValue = (
        edited if isinstance(path[-2], int) or path[-1] == "percent" else f"{edited}"
    )
    drifted = {**written, ref: changed(written[ref], *path, to=by_hand)}

    wanted = router.wanted(rollout, routes(share), drifted)
    repaired = standing(wanted, drifted)

    assert router.routes_of(rollout, repaired) == routes(share)
    seen = router.routes_of(rollout, drifted)
    stands = all(satisfied(each, drifted[ref_of(each)]) for each in wanted.objects)
    assert seen == routes(share) or not stands


@pytest.mark.parametrize("provider", BY_WEIGHT)
def test_a_field_of_somebody_else_stays(provider: str) -> None:
    router, rollout = ROUTERS[Provider(provider)], a_rollout(provider)
    written = standing(router.wanted(rollout, routes(10), brought(provider)), brought(provider))
    kind, _ = WEIGHTS[provider]
    ref = one_of(written, kind) if provider != "nginx" else Ref(
        "networking.k8s.io/v1", "Ingress", "door-canary", "shop"
    )  # fmt: skip
    theirs = changed(written[ref], "metadata", "labels", "theirs", to="yes")
    theirs = changed(theirs, "spec", "theirField", to={"deep": 1})

    after = standing(router.wanted(rollout, routes(20), {**written, ref: theirs}),
                     {**written, ref: theirs})  # fmt: skip

    assert map_at(after[ref], "metadata", "labels")["theirs"] == "yes"
    assert map_at(after[ref], "spec")["theirField"] == {"deep": 1}


@pytest.mark.parametrize("provider", [*BY_WEIGHT, "kubernetes"])
def test_mirrored_routes_are_refused(provider: str) -> None:
    router, rollout = ROUTERS[Provider(provider)], a_rollout(provider, analysis=WEIGHTED)

    with pytest.raises(RouteError):
        router.wanted(rollout, Routes(primary=100, canary=0, mirrored=True), brought(provider))


@pytest.mark.parametrize("provider", CREATED)
def test_a_revert_removes_what_was_made_and_nothing_else(provider: str) -> None:
    router, rollout = ROUTERS[Provider(provider)], a_rollout(provider)
    theirs = brought(provider)
    live = standing(router.wanted(rollout, routes(30), theirs), theirs)

    undone = router.undone(rollout, live)

    assert standing(undone, live) == theirs
    assert router.undone(rollout, {}).absent == ()


@pytest.mark.parametrize("provider", CREATED)
def test_what_was_there_before_is_not_owned_and_given_back(provider: str) -> None:
    router, rollout = ROUTERS[Provider(provider)], a_rollout(provider)
    made = standing(router.wanted(rollout, routes(0), brought(provider)), brought(provider))
    kind, path = WEIGHTS[provider]
    name = "door-canary" if kind == "Ingress" else one_of(made, kind).name
    ref = next(each for each in made if each.kind == kind and each.name == name)
    theirs = changed(made[ref], *path, to="theirs")
    theirs = changed(theirs, "metadata", "annotations", to={"note": "by hand"})
    there = {**brought(provider), ref: theirs}

    wanted = router.wanted(rollout, routes(30), there)
    live = standing(router.wanted(rollout, routes(50), standing(wanted, there)),
                    standing(wanted, there))  # fmt: skip
    back = standing(router.undone(rollout, live), live)[ref]

    assert not wanted.owned
    assert BEFORE in map_at(live[ref], "metadata", "annotations")
    assert back["spec"] == theirs["spec"]
    texts = map_at(back, "metadata", "annotations")
    assert {name for name in texts if not name.startswith("serinus.dev/fence")} == {"note"}


@pytest.mark.parametrize("provider", CREATED)
def test_an_object_of_another_canary_is_never_taken(provider: str) -> None:
    router, rollout = ROUTERS[Provider(provider)], a_rollout(provider)
    made = standing(router.wanted(rollout, routes(0), brought(provider)), brought(provider))
    owner: JsonValue = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "another"}
    theirs = [
        changed(each, "metadata", "ownerReferences", to=[owner])
        for ref, each in made.items()
        if ref not in brought(provider)
    ]

    with pytest.raises(RouteError, match="another"):
        router.wanted(rollout, routes(0), {**brought(provider), **live_of(*theirs)})


@pytest.mark.parametrize("provider", ["nginx", "skipper", "apisix", "knative"])
def test_what_the_user_must_bring_is_asked_for_by_name(provider: str) -> None:
    with pytest.raises(RouteError, match=r"door|way|app"):
        ROUTERS[Provider(provider)].wanted(a_rollout(provider), routes(0), {})


@pytest.mark.parametrize("provider", ["nginx", "skipper", "apisix"])
def test_traffic_is_given_back_even_when_the_original_is_gone(provider: str) -> None:
    router, rollout = ROUTERS[Provider(provider)], a_rollout(provider)
    written = standing(router.wanted(rollout, routes(60), brought(provider)), brought(provider))
    alone = {ref: each for ref, each in written.items() if ref not in brought(provider)}

    restored = standing(router.wanted(rollout, routes(0), alone), alone)

    assert router.routes_of(rollout, restored) == routes(0)
    assert {ref: each["spec"] for ref, each in restored.items()} == {
        ref: standing(router.wanted(rollout, routes(0), written), written)[ref]["spec"]
        for ref in alone
    }
