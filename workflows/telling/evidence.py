"""Evidence of a decision in a few lines for people: the first failing check, the guard's counts.

Pure; asked by `workflows.telling.alerting`. An alert must say why without anybody opening a page.
"""

from collections.abc import Iterator

from workflows.judge import judgement
from workflows.model.alert import Fact
from workflows.model.live import Trip
from workflows.model.measurement import Verdict
from workflows.model.observation import Tick
from workflows.model.status import RolloutStatus

SHOWN = 3
"""Failing checks and hooks of a tick that are named; more would be cut off in a chat."""
NO_REQUESTS = "none answered"


def evidence_facts(status: RolloutStatus) -> tuple[Fact, ...]:
    """What a rollback went by; nothing where people decided."""
    return tuple(_facts(status))


def _facts(status: RolloutStatus) -> Iterator[Fact]:
    if status.failed_checks:
        counted = f"{status.failed_checks} of {status.threshold}"
        yield Fact(name="Failed checks", value=counted)
    evidence = status.evidence
    if evidence is None:
        return
    if evidence.first_failure is not None:
        for line in _failing(evidence.first_failure):
            yield Fact(name="First failing check", value=line)
    if evidence.trip is not None:
        yield from _counts(evidence.trip)
    if evidence.blind:
        yield Fact(name="Guard", value=f"saw no requests: {evidence.blind}")


def _failing(tick: Tick) -> list[str]:
    checks = [
        judgement(result.measurement, result.threshold)
        for result in tick.results
        if result.verdict is not Verdict.PASS
    ]
    hooks = [answer.message for answer in tick.answers if not answer.ok]
    return [*checks, *hooks][:SHOWN]


def _counts(trip: Trip) -> Iterator[Fact]:
    yield Fact(name="Guard", value=trip.message)
    yield Fact(name="Canary", value=_side(trip.failed, trip.requests))
    yield Fact(name="Primary", value=_side(trip.primary_failed, trip.primary_requests))


def _side(failed: int, requests: int) -> str:
    return f"{failed} of {requests} requests failed" if requests else NO_REQUESTS
