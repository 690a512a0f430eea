"""What one `observe` activity is asked, keeps while it runs, and gives back."""

from enum import StrEnum

from workflows.errors import Reason
from workflows.model.hook import Hook, HookAnswer
from workflows.model.identity import Fence, Slot
from workflows.model.live import GuardState, Trip
from workflows.model.measurement import Measurement, Threshold, Verdict
from workflows.model.plan import Analysis, Routes, Traffic
from workflows.model.value import Record

KEPT_TICKS = 5


class ObserveRequest(Record):
    """Hold `routes` and judge at every interval.

    `passes=None` watches until cancelled, a breach, or until every gate hook has opened.
    `failed_checks` is what the run has counted so far; `number` is the place of the step in the
    run, for idempotency keys.
    """

    slot: Slot
    fence: Fence
    step: str
    number: int
    revision: str
    phase: str
    checksum: str = ""
    traffic: Traffic
    routes: Routes
    analysis: Analysis
    passes: int | None = 1
    at_once: bool = False
    guarded: bool = False
    gate_hooks: tuple[Hook, ...] = ()
    failed_checks: int = 0


class CheckResult(Record):
    """One check at one tick, beside the limits it was held to."""

    measurement: Measurement
    verdict: Verdict
    threshold: Threshold = Threshold()


class Tick(Record):
    """What one interval saw. `at` is seconds since 1970."""

    number: int
    at: float
    verdict: Verdict
    results: tuple[CheckResult, ...] = ()
    answers: tuple[HookAnswer, ...] = ()


class Ending(StrEnum):
    """Why an observation came to its end."""

    PASSED = "passed"
    FAILED = "failed"
    GUARD = "guard"
    ROLLBACK_HOOK = "rollback-hook"
    GATE_OPEN = "gate-open"


class Evidence(Record):
    """Bounded: the last ticks, the first failing one, the guard's finding.

    `blind` says why the guard sees no requests, where it does not.
    """

    ticks: tuple[Tick, ...] = ()
    first_failure: Tick | None = None
    trip: Trip | None = None
    gate: tuple[HookAnswer, ...] = ()
    drift: int = 0
    blind: str = ""


class ObserveProgress(Record):
    """The heartbeat: enough for the next worker to go on at the same tick."""

    ticks: int = 0
    passes: int = 0
    failed_checks: int = 0
    next_tick_at: float = 0.0
    evidence: Evidence = Evidence()
    guard: GuardState | None = None
    opened: tuple[str, ...] = ()


class Observation(Record):
    """The result. `failed_checks` is the run's count including this step's."""

    ending: Ending
    ticks: int
    failed_checks: int
    evidence: Evidence
    reason: Reason | None = None
    message: str = ""
