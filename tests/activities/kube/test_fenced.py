"""Writes under a fence: a newer write is never undone by an older one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from activities.kube.fenced import FencedApply, Owner, fence_of
from activities.kube.objects import FENCE, KubeObject, Ref, at, int_at, maps_at, text_at
from tests.fakes_kube import InMemoryKube, conflict
from workflows.errors import Reason, reason_of
from workflows.model.identity import Fence

ONE = Ref("v1", "ConfigMap", "one", "shop")
CANARY = Owner.canary("shop", "uid-of-shop")


def fence(sequence: int, generation: int = 1) -> Fence:
    return Fence(run_id=f"run-{generation}", generation=generation, sequence=sequence)


def wanted(**data: str) -> KubeObject:
    return {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "one", "namespace": "shop"}, "data": {**data}}  # fmt: skip


async def test_a_new_object_carries_fence_and_owner() -> None:
    kube = InMemoryKube()
    made = await FencedApply(kube).apply(wanted(a="1"), fence(3, 12), owner=CANARY)

    assert at(made, "metadata", "annotations", FENCE) == "12.3"
    assert maps_at(made, "metadata", "ownerReferences") == [CANARY.reference()]
    assert fence_of(made) == Fence(run_id="", generation=12, sequence=3)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=8))
async def test_whatever_the_order_the_newest_write_stands(
    fences: list[tuple[int, int]]
) -> None:  # fmt: skip
    kube = InMemoryKube()
    writes = FencedApply(kube)
    for generation, sequence in fences:
        written = writes.apply(wanted(by=f"{generation}.{sequence}"), fence(sequence, generation))
        (outcome,) = await asyncio.gather(written, return_exceptions=True)
        if isinstance(outcome, ApplicationError):
            assert reason_of(outcome) is Reason.FENCED
            assert outcome.non_retryable
    newest = max(fences)
    assert text_at(kube.get(ONE), "data", "by") == f"{newest[0]}.{newest[1]}"


async def test_the_same_command_writes_once_and_a_newer_one_leaves_its_fence() -> None:
    kube = InMemoryKube()
    writes = FencedApply(kube)
    await writes.apply(wanted(a="1"), fence(1))
    await writes.apply(wanted(a="1"), fence(1))
    assert kube.counts["apply ConfigMap"] == 1

    await writes.apply(wanted(a="1"), fence(2))
    with pytest.raises(ApplicationError):
        await writes.apply(wanted(a="2"), fence(1))
    assert text_at(kube.get(ONE), "data", "a") == "1"


async def test_what_others_own_stays_and_what_we_state_no_more_goes() -> None:
    kube = InMemoryKube()
    writes = FencedApply(kube)
    await writes.apply(wanted(a="1", b="2"), fence(1))
    kube.merge_now(ONE, {"data": {"theirs": "x"}, "metadata": {"labels": {"team": "a"}}})
    await writes.apply(wanted(a="3"), fence(2))

    assert at(kube.get(ONE), "data") == {"a": "3", "theirs": "x"}
    assert at(kube.get(ONE), "metadata", "labels") == {"team": "a"}


async def test_a_change_in_between_is_looked_at_again() -> None:
    kube = InMemoryKube(wanted(a="0"))
    writes = FencedApply(kube)
    raced: list[int] = []

    def race(verb: str, ref: Ref) -> Exception | None:
        if verb == "apply" and not raced:
            raced.append(1)
            kube.merge_now(ONE, {"metadata": {"annotations": {FENCE: "9.9"}}})
        return None

    kube.refuse = race
    with pytest.raises(ApplicationError) as refused:
        await writes.apply(wanted(a="1"), fence(1))
    assert reason_of(refused.value) is Reason.FENCED


async def test_an_object_that_never_rests_is_given_up_for_a_while() -> None:
    kube = InMemoryKube()
    kube.refuse = lambda verb, ref: conflict(ref, "moves") if verb == "apply" else None
    with pytest.raises(ApplicationError) as refused:
        await FencedApply(kube).apply(wanted(a="1"), fence(1))
    assert reason_of(refused.value) is Reason.CONFLICT
    assert not refused.value.non_retryable


async def test_another_controller_stays_the_controller() -> None:
    theirs = Owner("v1", "Other", "x", "uid-of-other")
    obj = wanted(a="0")
    kube = InMemoryKube({**obj, "metadata": {"name": "one", "namespace": "shop",
                                             "ownerReferences": [theirs.reference()]}})  # fmt: skip
    made = await FencedApply(kube).apply(wanted(a="1"), fence(1), owner=CANARY)

    assert maps_at(made, "metadata", "ownerReferences") == [
        theirs.reference(), CANARY.reference(controller=False),
    ]  # fmt: skip


async def test_a_merge_takes_away_and_is_fenced() -> None:
    kube = InMemoryKube(wanted(a="0", b="1"))
    writes = FencedApply(kube)
    after = await writes.merge(ONE, {"data": {"a": None}}, fence(2))
    again = await writes.merge(ONE, {"data": {"a": None}}, fence(2))
    with pytest.raises(ApplicationError):
        await writes.merge(ONE, {"data": {"b": None}}, fence(1))

    assert after == again
    assert at(kube.get(ONE), "data") == {"b": "1"}
    assert kube.counts["merge ConfigMap"] == 1
    assert await writes.merge(Ref("v1", "ConfigMap", "two", "shop"), {}, fence(1)) is None


async def test_a_delete_is_fenced() -> None:
    kube = InMemoryKube()
    writes = FencedApply(kube)
    await writes.apply(wanted(a="1"), fence(5))
    with pytest.raises(ApplicationError) as refused:
        await writes.delete(ONE, fence(4))
    assert reason_of(refused.value) is Reason.FENCED
    await writes.delete(ONE, fence(6))
    await writes.delete(ONE, fence(6))
    assert ONE not in kube.refs


async def test_a_fence_that_somebody_garbled_is_none() -> None:
    kube = InMemoryKube(wanted())
    kube.merge_now(ONE, {"metadata": {"annotations": {FENCE: "soon"}}})
    made = await FencedApply(kube).apply(wanted(a="1"), fence(1))
    assert fence_of(made) is not None
    assert int_at(made, "metadata", "generation") == 2
