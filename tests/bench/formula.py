"""How much longer than its formula a healthy rollout takes: `python -m tests.bench formula`.

The real stack under constant user traffic, two checks a tick, an interval of 10 s, four weights.
Whole rollout: from the trigger to the last write, with the start of the new processes, their
promotion and the drain of the old ones.
"""

import asyncio

from tests.bench.real_stack import RATE, a_version, real_stack
from tests.bench.table import judged, show, tell
from workflows.model.status import RolloutStatus

WEIGHTS = (10, 30, 60, 90)
RUNS = 2


async def _measure() -> tuple[list[RolloutStatus], int]:
    statuses: list[RolloutStatus] = []
    async with real_stack(WEIGHTS) as bench, bench.users() as users:
        for number in range(1, RUNS + 1):
            status = await bench.roll_out(a_version(f"v{number}"))
            assert status.outcome == "promoted", status
            tell(f"run {number} of {RUNS}: {_took(status):.1f} s")
            statuses.append(status)
        return statuses, users.failed


def _took(status: RolloutStatus) -> float:
    return (status.ended_at or 0.0) - status.started_at


def _planned(status: RolloutStatus) -> float:
    assert status.expectation is not None
    return status.expectation.seconds


def _steps(status: RolloutStatus) -> str:
    return ", ".join(
        f"{step.name} {(step.ended_at or 0.0) - (step.started_at or 0.0):.2f}"
        for step in status.steps
    )


def main() -> bool:
    statuses, failed = asyncio.run(_measure())
    rows = [
        (
            number,
            f"{_planned(status):.0f}",
            f"{_took(status):.1f}",
            f"{_took(status) - _planned(status):.1f}",
            f"{_took(status) / _planned(status):.3f}",
            _steps(status),
        )
        for number, status in enumerate(statuses, start=1)
    ]
    headings = ("run", "formula s", "took s", "more s", "ratio", "seconds in each step")
    show(f"A healthy rollout at {RATE} user requests/s, interval 10 s", headings, rows)
    longest = max(_took(status) - 1.05 * _planned(status) for status in statuses)
    in_time = judged(longest <= 10, f"at most 1.05 × formula + 10 s: + {longest:.1f} s")
    return judged(failed == 0, f"no user request failed: {failed}") and in_time
