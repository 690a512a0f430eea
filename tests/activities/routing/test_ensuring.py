import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.kube.objects import FENCE, Ref, at, int_at, map_at, maps_at, text_at, texts_at
from tests.activities.routing.conftest import (
    APEX,
    HTTP_ROUTE,
    ISTIO,
    ROUTE,
    SLOT,
    Json,
    PruningKube,
    Scene,
)
from tests.fakes_kube import conflict
from workflows.errors import Reason, failure, reason_of
from workflows.model.plan import Routes

weights = st.integers(min_value=0, max_value=100)


def shares(scene: Scene) -> list[int | None]:
    [rule] = maps_at(scene.route(), "spec", "http")
    return [int_at(side, "weight") for side in maps_at(rule, "route")]


async def failing(work: object, reason: Reason) -> ApplicationError:
    assert asyncio.iscoroutine(work)
    with pytest.raises(ApplicationError) as caught:
        await work
    assert reason_of(caught.value) is reason
    return caught.value


@given(steps=st.lists(weights, min_size=1, max_size=4))
@settings(max_examples=20)
async def test_routes_are_as_asked_after_each_step(steps: Sequence[int]) -> None:
    scene = Scene()
    await scene.begin()
    for weight in steps:
        await scene.ensure(weight)
        assert shares(scene) == [100 - weight, weight]
    state = await scene.store.read(SLOT)
    assert state.routes == Routes(primary=100 - steps[-1], canary=steps[-1])


async def test_a_tick_that_finds_everything_in_place_writes_nothing(scene: Scene) -> None:
    await scene.begin()
    fence = scene.fence()
    first = await scene.ensure(10, fence=fence)
    scene.kube.requests.clear()
    second = await scene.ensure(10, fence=fence)
    assert (first.changed, second.changed, second.drifted) == (True, False, False)
    assert scene.kube.writes == []
    assert scene.kube.counts == {
        "read ConfigMap": 1,
        "read Service": 3,
        "read VirtualService": 1,
        "read DestinationRule": 2,
    }


async def test_services_come_before_the_route_and_belong_to_the_canary(scene: Scene) -> None:
    await scene.begin()
    await scene.ensure(10)
    applied = [ref.kind for verb, ref in scene.kube.writes if verb == "apply"]
    assert applied == ["Service"] * 3 + ["DestinationRule"] * 2 + ["VirtualService"]
    for ref in (ROUTE, APEX):
        [owner] = maps_at(scene.kube.get(ref), "metadata", "ownerReferences")
        assert (owner["uid"], owner["controller"]) == ("uid-of-canary", True)


EDITS: tuple[Json, ...] = (
    {"hosts": ["elsewhere"]},
    {"gateways": ["other/gateway"]},
    {"http": []},
    {"http": [{"route": [{"destination": {"host": "shop-canary"}, "weight": 100}]}]},
)


@pytest.mark.parametrize("spec", EDITS)
async def test_an_edit_by_others_is_put_right_to_the_believed_weight(
    scene: Scene, spec: Json
) -> None:
    await scene.begin()
    fence = scene.fence()
    await scene.ensure(30, fence=fence)
    scene.kube.merge_now(ROUTE, {"spec": spec})
    ensured = await scene.ensure(30, fence=fence)
    assert (ensured.changed, ensured.drifted) == (True, True)
    assert shares(scene) == [70, 30]
    assert at(scene.route(), "spec", "hosts") == ["shop"]


@given(live=weights, believed=weights)
@settings(max_examples=20)
async def test_any_live_weight_becomes_the_believed_one(live: int, believed: int) -> None:
    scene = Scene()
    await scene.begin()
    fence = scene.fence()
    await scene.ensure(believed, fence=fence)
    moved = scene.kube.get(ROUTE)
    [rule] = maps_at(moved, "spec", "http")
    for side, weight in zip(maps_at(rule, "route"), (100 - live, live), strict=True):
        side["weight"] = weight
    scene.kube.put(moved)
    ensured = await scene.ensure(believed, fence=fence)
    assert shares(scene) == [100 - believed, believed]
    assert ensured.drifted is (live != believed)


@pytest.mark.parametrize("ref", [ROUTE, APEX, Ref(ISTIO, "DestinationRule", "shop-canary", "shop")])
async def test_what_was_deleted_by_others_is_made_again(scene: Scene, ref: Ref) -> None:
    await scene.begin()
    await scene.ensure(30)
    scene.kube.drop(ref)
    ensured = await scene.ensure(30)
    assert ensured.drifted
    assert ref in scene.kube.refs
    assert shares(scene) == [70, 30]


async def test_fields_of_others_stay(scene: Scene) -> None:
    await scene.begin()
    await scene.ensure(10)
    theirs: Json = {
        "metadata": {"labels": {"team": "a"}, "annotations": {"note": "ours"}},
        "spec": {"exportTo": ["."]},
    }
    scene.kube.merge_now(ROUTE, theirs)
    unchanged = await scene.ensure(10)
    await scene.ensure(20)
    live = scene.route()
    assert not unchanged.drifted
    assert at(live, "spec", "exportTo") == ["."]
    assert texts_at(live, "metadata", "labels")["team"] == "a"
    assert texts_at(live, "metadata", "annotations")["note"] == "ours"


async def test_a_step_is_no_drift(scene: Scene) -> None:
    await scene.begin()
    await scene.ensure(10)
    ensured = await scene.ensure(20)
    assert (ensured.changed, ensured.drifted) == (True, False)


async def test_an_edited_canary_is_no_drift_and_its_old_fields_go(scene: Scene) -> None:
    await scene.begin(service={"timeout": "5s", "headers": {"request": {"set": {"a": "b"}}}})
    await scene.ensure(0)
    await scene.begin(service={"headers": {"request": {"set": {"a": "b"}}}})
    ensured = await scene.ensure(0)
    assert (ensured.changed, ensured.drifted) == (True, False)
    [rule] = maps_at(scene.route(), "spec", "http")
    assert "timeout" not in rule


# whose hands a list is in


def managed(scene: Scene, *managers: str) -> None:
    """What a real API server keeps of who wrote which field."""
    live = scene.kube.get(ROUTE)
    names = ("hosts", "gateways", "http")
    entries: list[JsonValue] = [
        {
            "manager": manager,
            "operation": "Apply" if manager == "serinus" else "Update",
            "fieldsV1": {"f:spec": {f"f:{name}": {} for name in names if (name == "http") is
                                    (manager != "serinus") or len(managers) == 1}},
        }
        for manager in managers
    ]  # fmt: skip
    live["metadata"] = {**map_at(live, "metadata"), "managedFields": entries}
    scene.kube.put(live)


async def test_a_rule_that_others_added_to_is_written_again(scene: Scene) -> None:
    await scene.begin()
    fence = scene.fence()
    await scene.ensure(30, fence=fence)
    managed(scene, "serinus")
    calm = await scene.ensure(30, fence=fence)
    live = scene.kube.get(ROUTE)
    maps_at(live, "spec", "http")[0]["fault"] = {"abort": {"httpStatus": 500}}
    scene.kube.put(live)
    managed(scene, "serinus", "kubectl-edit")
    ensured = await scene.ensure(30, fence=fence)
    assert not calm.changed
    assert ensured.drifted
    assert "fault" not in maps_at(scene.route(), "spec", "http")[0]


# fences


async def test_an_overtaken_write_changes_nothing(scene: Scene) -> None:
    await scene.begin()
    late = scene.fence()
    await scene.ensure(0)
    await failing(scene.ensure(50, fence=late), Reason.FENCED)
    assert shares(scene) == [100, 0]


async def test_a_newer_mark_on_the_object_itself_is_respected(scene: Scene) -> None:
    await scene.begin()
    await scene.ensure(0)
    scene.kube.merge_now(ROUTE, {"metadata": {"annotations": {FENCE: "999999.1"}}})
    await failing(scene.ensure(50), Reason.FENCED)
    assert shares(scene) == [100, 0]


async def test_a_change_in_between_is_looked_at_again(scene: Scene) -> None:
    await scene.begin()
    refusals = [conflict(ROUTE, "has changed")]

    def once(verb: str, ref: Ref) -> Exception | None:
        return refusals.pop() if (verb, ref) == ("apply", ROUTE) and refusals else None

    scene.kube.refuse = once
    await scene.ensure(10)
    assert shares(scene) == [90, 10]


# refusals


async def test_routes_that_cannot_be_are_final_on_the_way_to_the_canary(scene: Scene) -> None:
    await scene.begin("istio", {"appProtocol": "tcp"})
    request = scene.request(0, mirrored=True)
    error = await failing(scene.routing.ensure(request), Reason.ROUTE_REJECTED)
    assert error.non_retryable
    assert "TCP has no mirroring" in error.message


@pytest.mark.parametrize(("weight", "final"), [(10, True), (0, False)])
async def test_users_are_taken_back_however_often_it_is_refused(
    scene: Scene, weight: int, final: bool
) -> None:
    await scene.begin()
    await scene.ensure(5)

    def webhook(verb: str, ref: Ref) -> Exception | None:
        message = "a webhook says no"
        return failure(Reason.OBJECT_REJECTED, message, retryable=False) if ref == ROUTE else None

    scene.kube.refuse = lambda verb, ref: webhook(verb, ref) if verb == "apply" else None
    error = await failing(scene.ensure(weight), Reason.ROUTE_REJECTED)
    assert error.non_retryable is final
    assert "a webhook says no" in error.message


@pytest.mark.parametrize("weight", [10, 0])
async def test_a_field_that_the_cluster_drops_is_told_but_keeps_nobody_on_the_canary(
    weight: int,
) -> None:
    scene = Scene(PruningKube())
    await scene.begin(service={"timeout": "5s"})
    if weight:
        error = await failing(scene.ensure(weight), Reason.ROUTE_REJECTED)
        assert "spec.http[0].timeout" in error.message
    else:
        assert (await scene.ensure(weight)).changed


async def test_a_canary_that_was_never_planned_has_no_routes(scene: Scene) -> None:
    await failing(scene.ensure(10), Reason.TARGET_NOT_FOUND)


# acceptance


def answer(scene: Scene, status: str) -> None:
    generation = int_at(scene.kube.get(HTTP_ROUTE), "metadata", "generation")
    condition: Json = {
        "type": "Accepted", "status": status, "observedGeneration": generation,
        "reason": "NotAllowedByListeners", "message": "no listener takes it",
    }  # fmt: skip
    parents: list[JsonValue] = [{"parentRef": {"name": "public"}, "conditions": [condition]}]
    scene.kube.merge_now(HTTP_ROUTE, {"status": {"parents": parents}})


async def accepting(scene: Scene) -> None:
    """A gateway's controller."""
    async for seen in scene.kube.watch(HTTP_ROUTE.api_version, HTTP_ROUTE.kind, "shop"):
        if seen.obj and "status" not in seen.obj:
            answer(scene, "True")


async def test_it_answers_when_the_gateway_has_taken_the_route(scene: Scene) -> None:
    await scene.begin("gatewayapi:v1")
    gateway = asyncio.create_task(accepting(scene))
    try:
        assert (await scene.ensure(10)).changed
    finally:
        gateway.cancel()
    [parent] = maps_at(scene.kube.get(HTTP_ROUTE), "status", "parents")
    assert maps_at(parent, "conditions")[0]["status"] == "True"


async def test_what_the_gateway_says_is_told_when_it_does_not_take_it() -> None:
    scene = Scene(patience=0.05)
    await scene.begin("gatewayapi:v1")
    error = await failing(scene.ensure(0), Reason.ROUTER_DOWN)
    assert "has not yet said that it accepts it" in error.message
    answer(scene, "False")
    error = await failing(scene.ensure(0), Reason.ROUTER_DOWN)
    assert not error.non_retryable
    assert "Accepted=False: NotAllowedByListeners no listener takes it" in error.message


# a revert


async def test_a_revert_takes_away_what_serinus_made(scene: Scene) -> None:
    await scene.begin()
    await scene.ensure(0)
    await scene.undo()
    assert {ref.kind for ref in scene.kube.refs} == {"ConfigMap"}


async def test_a_revert_puts_back_what_was_there() -> None:
    user: Json = {
        "apiVersion": ISTIO,
        "kind": "VirtualService",
        "metadata": {"name": "shop", "namespace": "shop", "annotations": {"note": "theirs"}},
        "spec": {
            "hosts": ["shop.example.com"],
            "http": [{"route": [{"destination": {"host": "x"}}]}],
        },
    }
    service: Json = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"selector": {"app": "shop"}, "ports": [{"name": "web", "port": 80}]},
    }
    scene = Scene()
    scene.kube.put(user)
    scene.kube.put(service)
    await scene.begin()
    for weight in (0, 10, 0):
        await scene.ensure(weight)
    assert maps_at(scene.route(), "metadata", "ownerReferences") == []
    await scene.undo()
    live = scene.route()
    assert live["spec"] == user["spec"]
    assert texts_at(live, "metadata", "annotations") == {"note": "theirs"}
    assert map_at(scene.kube.get(APEX), "spec") == service["spec"]
    assert {(ref.kind, ref.name) for ref in scene.kube.refs} == {
        ("ConfigMap", "shop-serinus"),
        ("VirtualService", "shop"),
        ("Service", "shop"),
    }


async def test_a_revert_may_be_done_twice(scene: Scene) -> None:
    await scene.begin()
    await scene.ensure(0)
    await scene.undo()
    await scene.undo()
    assert {ref.kind for ref in scene.kube.refs} == {"ConfigMap"}


async def test_the_cookie_is_the_same_at_each_step_and_another_for_each_canary(
    scene: Scene,
) -> None:
    analysis: Json = {
        "interval": "1m", "threshold": 2, "stepWeight": 10,
        "sessionAffinity": {"cookieName": "side"},
    }  # fmt: skip
    await scene.begin(analysis=analysis)
    regexes: set[str] = set()
    for weight in (10, 20):
        await scene.ensure(weight)
        match = maps_at(maps_at(scene.route(), "spec", "http")[0], "match")[0]
        regexes.add(text_at(match, "headers", "Cookie", "regex"))
    assert len(regexes) == 1
    assert "side=s1-new" not in regexes.pop()
