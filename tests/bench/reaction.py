"""How soon a plainly bad canary is taken back, and what it costs: `python -m tests.bench reaction`.

The real stack; 100 user requests/s, a tenth of them to a canary half of whose answers fail. The
clock runs from the first failed answer that a user gets until both the proxy says that all users
go to the primary (its API, asked every 10 ms) and no user gets a failed answer any more. The same
with the guard off: then only the checks see it, at every interval of 10 s, two of them to fail.
"""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median

import httpx
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from tests.bench.real_stack import RATE, SLOT, Bench, Failures, a_policy, a_version, real_stack
from tests.bench.table import judged, show, tell
from worker import rollouts

RUNS = 10
UNGUARDED = 3
SHARE = 10
FAILING = 0.5
MEDIAN, WORST = 2.2, 4.0
ASK_EVERY = 0.01
PATIENCE = 60.0
STILL = 1.0
"""Seconds after which an answer that failed would have come."""
_SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
_COMPLETED = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED


@dataclass(frozen=True)
class Reaction:
    """One bad release; instants are seconds since 1970."""

    first_bad: float
    last_bad: float
    served: float
    """When the proxy said that all go to the primary."""
    ended: float
    """When the observation had ended, as Temporal noted it."""
    asked: float
    """When the restore asked for the routes."""
    failed: int
    reason: str

    @property
    def seconds(self) -> float:
        return max(self.served, self.last_bad) - self.first_bad


async def release(bench: Bench, users: Failures, version: str) -> Reaction:
    """Release a bad version and see it taken back."""
    users.at.clear()
    users.first.clear()
    await bench.apply(a_version(version, FAILING))
    async with asyncio.timeout(PATIENCE):
        await users.first.wait()
        served = await _all_to_primary(bench)
        await bench.handle.result()
    await asyncio.sleep(STILL)
    status = await rollouts.status(bench.client, SLOT)
    assert status.outcome == "rolled-back", status
    events = (await bench.handle.fetch_history()).events
    return Reaction(
        first_bad=users.at[0],
        last_bad=users.at[-1],
        served=served,
        ended=next(_instants(events, "analysis.observe", _COMPLETED)),
        asked=next(_instants(events, "routing.ensure", _SCHEDULED)),
        failed=len(users.at),
        reason=str(status.reason),
    )


async def _all_to_primary(bench: Bench) -> float:
    """Ask the proxy what it serves until no user goes to the canary."""
    url = f"http://127.0.0.1:{bench.ports.proxy_api}/api/http/services/default-shop@file"
    async with httpx.AsyncClient(trust_env=False) as http:
        while "-canary" in (await http.get(url)).text:  # noqa: ASYNC110  another process's state
            await asyncio.sleep(ASK_EVERY)
    return time.time()


def _instants(
    events: Sequence[HistoryEvent], activity: str, wanted: "EventType.ValueType"
) -> Iterator[float]:
    """When each activity of that name came to this point."""
    mine: set[int] = set()
    for event in events:
        if event.activity_task_scheduled_event_attributes.activity_type.name == activity:
            mine.add(event.event_id)
        scheduled = event.activity_task_completed_event_attributes.scheduled_event_id
        if event.event_type == wanted and {event.event_id, scheduled} & mine:
            yield event.event_time.ToNanoseconds() / 1e9


async def _measure(runs: int, unguarded: int) -> tuple[list[Reaction], list[Reaction]]:
    on: list[Reaction] = []
    off: list[Reaction] = []
    async with real_stack((SHARE,)) as bench, bench.users() as users:
        for kept, count, guard in ((on, runs, True), (off, unguarded, False)):
            await bench.apply(a_policy(guard=guard))
            for number in range(count):
                seen = await release(bench, users, f"bad-{guard}-{number}")
                kept.append(seen)
                tell(
                    f"guard {'on' if guard else 'off'}, run {number + 1} of {count}: "
                    f"{seen.seconds:.2f} s, {seen.failed} failed, {seen.reason}"
                )
    return on, off


def _row(name: str, seen: list[Reaction]) -> tuple[object, ...]:
    seconds = [one.seconds for one in seen]
    failed = [one.failed for one in seen]
    numbers = (median(seconds), max(seconds), median(failed), max(failed))
    return (name, len(seen), *(f"{number:.3g}" for number in numbers))


def _shares(seen: list[Reaction]) -> list[tuple[str, str]]:
    parts = (
        (
            "first failed answer → the guard's word in Temporal",
            [x.ended - x.first_bad for x in seen],
        ),
        ("→ the restore asks for its routes", [x.asked - x.ended for x in seen]),
        ("→ the proxy serves them", [x.served - x.asked for x in seen]),
        ("→ last failed answer (before: negative)", [x.last_bad - x.served for x in seen]),
    )
    return [(name, f"{mean(seconds):.3f}") for name, seconds in parts]


def main(runs: int = RUNS, unguarded: int = UNGUARDED) -> bool:
    on, off = asyncio.run(_measure(runs, unguarded))
    title = f"A canary failing {FAILING:.0%} at {SHARE} % of {RATE} user requests/s"
    headings = ("guard", "runs", "median s", "worst s", "failed requests (median)", "most")
    show(title, headings, [_row("on", on), _row("off", off)])
    show("Where the time goes with the guard on", ("part", "mean s"), _shares(on))
    seconds = [one.seconds for one in on]
    times = median(one.failed for one in off) / median(one.failed for one in on)
    quick = judged(median(seconds) <= MEDIAN, f"median ≤ {MEDIAN} s: {median(seconds):.2f} s")
    never_slow = judged(max(seconds) <= WORST, f"worst ≤ {WORST} s: {max(seconds):.2f} s")
    fewer = judged(times > 1, f"fewer users hurt than with the guard off: 1/{times:.1f} of them")
    return quick and never_slow and fewer


if __name__ == "__main__":
    sys.exit(not main(*(int(number) for number in sys.argv[1:3])))
