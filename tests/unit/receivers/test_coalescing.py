"""A storm is one look a second, and nobody in it is told more than is true."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.gateway.receivers.coalescing import Coalescer
from worker.gateway.receivers.deliveries import Handed, State
from worker.gateway.receivers.sources import Remembered
from worker.rollouts import NoAnswer
from workflows.model.delivery import DeliveryInput
from workflows.model.identity import Slot
from workflows.model.trigger import TriggerAction

SPACING = 0.02
_numbers = itertools.count(1)


class Temporal:
    """Takes orders, or does not."""

    def __init__(self) -> None:
        self.taken: list[DeliveryInput] = []
        self.down = False

    async def __call__(self, order: DeliveryInput) -> Handed:
        if self.down:
            raise NoAnswer("down")
        self.taken.append(order)
        return Handed(order, State.ACCEPTED)


def an_order(name: str = "shop", action: TriggerAction = TriggerAction.SUBMIT) -> DeliveryInput:
    number = next(_numbers)
    return DeliveryInput(slot=Slot(name=name), id=f"d{number}", action=action, at=0.0, reason="r")


def a_coalescer(temporal: Temporal) -> Coalescer:
    return Coalescer(temporal, asyncio.get_running_loop().time, SPACING)


async def test_a_storm_is_one_look_at_once_and_one_a_while() -> None:
    temporal = Temporal()
    coalescer = a_coalescer(temporal)
    first = await coalescer(an_order())
    storm = await asyncio.gather(*(coalescer(an_order()) for _ in range(500)))
    assert len(temporal.taken) == 2
    assert {each.order.id for each in storm} == {temporal.taken[1].id} != {first.order.id}
    assert "499 more events" in temporal.taken[1].reason


async def test_one_alone_keeps_its_id_so_that_it_is_known_again() -> None:
    temporal = Temporal()
    order = an_order()
    await a_coalescer(temporal)(order)
    assert temporal.taken == [order]


async def test_targets_do_not_wait_for_each_other() -> None:
    temporal = Temporal()
    coalescer = a_coalescer(temporal)
    names = [f"shop-{number}" for number in range(20)]
    await asyncio.gather(*(coalescer(an_order(name)) for name in names))
    assert sorted(each.slot.name for each in temporal.taken) == sorted(names)


@pytest.mark.parametrize("action", [each for each in TriggerAction if each != "submit"])
async def test_only_looks_are_shared(action: TriggerAction) -> None:
    temporal = Temporal()
    coalescer = a_coalescer(temporal)
    await asyncio.gather(*(coalescer(an_order(action=action)) for _ in range(5)))
    assert len(temporal.taken) == 5


async def test_everybody_hears_that_temporal_is_down_and_the_next_look_is_a_new_one() -> None:
    temporal = Temporal()
    coalescer = a_coalescer(temporal)
    await coalescer(an_order())
    temporal.down = True
    orders = (coalescer(an_order()) for _ in range(5))
    answers = await asyncio.gather(*orders, return_exceptions=True)
    assert [type(answer) for answer in answers] == [NoAnswer] * 5
    temporal.down = False
    await coalescer(an_order())
    assert len(temporal.taken) == 2


async def test_a_sender_that_goes_away_takes_no_others_look_with_it() -> None:
    temporal = Temporal()
    coalescer = a_coalescer(temporal)
    await coalescer(an_order())
    gone, stays = (asyncio.create_task(coalescer(an_order())) for _ in range(2))
    await asyncio.wait([gone], timeout=0)
    gone.cancel()
    assert (await stays).state is State.ACCEPTED
    assert len(temporal.taken) == 2


@given(st.lists(st.sampled_from(["a", "b"]), max_size=30))
async def test_every_event_is_answered_by_a_look_of_its_target(names: list[str]) -> None:
    temporal = Temporal()
    coalescer = Coalescer(temporal, asyncio.get_running_loop().time, 0.0)
    answers = await asyncio.gather(*(coalescer(an_order(name)) for name in names))
    assert [answer.order.slot.name for answer in answers] == names
    assert len(temporal.taken) <= 2


async def test_what_was_read_is_good_for_a_second_unless_it_must_be_newer() -> None:
    now, read = 100.0, itertools.count(1)

    async def reading() -> int:
        return next(read)

    known = Remembered(reading, lambda: now)
    assert [await known.get(), await known.get()] == [1, 1]
    assert await known.get(since=100.5) == 2
    now = 100.9
    assert await known.get(since=100.5) == 3
    assert await known.get() == 3
    now = 102.0
    assert await known.get() == 4
