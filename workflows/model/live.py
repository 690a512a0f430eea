"""What the guard looks at between ticks, what it remembers and what it says.

The observe activity scrapes a router, turns two scrapes into a `Look` (`counters_to_look`) and
gives it to `workflows.guard`. `GuardRule` comes with the step, `GuardState` travels in its
heartbeat, `Trip` ends it. Values only: this module must not load statistics into a workflow.
"""

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, FiniteFloat, NonNegativeInt

from workflows.errors import Reason
from workflows.model.value import Record, Value

ASSUMED_SUCCESS_RATE = 99.0
"""Percent that a manifest without a `request-success-rate` check is taken to demand."""


class Counts(Record):
    """Requests that one side answered, and how many of them failed."""

    requests: NonNegativeInt = 0
    failed: NonNegativeInt = 0

    def plus(self, other: Self) -> Self:
        return type(self)(
            requests=self.requests + other.requests, failed=self.failed + other.failed
        )

    def since(self, previous: Self) -> Self:
        """What came after `previous`; a counter that went down has restarted from zero."""
        restarted = self.requests < previous.requests or self.failed < previous.failed
        base = type(self)() if restarted else previous
        failed = self.failed - base.failed
        # A scrape is not atomic: a failure may be counted before its request is.
        return type(self)(requests=max(self.requests - base.requests, failed), failed=failed)


class Totals(Record):
    """One scrape: counters as they stand since their processes started."""

    at: FiniteFloat
    primary: Counts = Counts()
    canary: Counts = Counts()
    canary_ready: NonNegativeInt | None = None
    """Canary processes ready now; None when nobody could say."""


class Look(Record):
    """What happened between two scrapes, a half second apart as a rule."""

    at: FiniteFloat
    """Seconds on a clock that goes forward; where it starts does not matter."""
    primary: Counts = Counts()
    canary: Counts = Counts()
    canary_ready: NonNegativeInt | None = None


def counters_to_look(previous_totals: Totals, totals: Totals) -> Look:
    """Difference two scrapes, each side by itself: one may restart without the other."""
    return Look(
        at=totals.at,
        primary=totals.primary.since(previous_totals.primary),
        canary=totals.canary.since(previous_totals.canary),
        canary_ready=totals.canary_ready,
    )


class GuardRule(Value):
    """When the canary is plainly bad."""

    enabled: bool = True
    min_failures: int = Field(default=5, ge=1)
    """Canary requests that must have failed in this step."""
    min_looks: int = Field(default=3, ge=1)
    """Different looks in which they must have failed."""
    p_value: float = Field(default=1e-5, gt=0, lt=1)
    not_ready_after: float = Field(default=10, gt=0, allow_inf_nan=False)
    """Seconds without a ready canary process."""
    min_success_rate: float | None = Field(default=None, ge=0, le=100)
    """Percent, from the manifest's `request-success-rate`; None means `ASSUMED_SUCCESS_RATE`."""

    @property
    def allowed_failure_rate(self) -> float:
        rate = ASSUMED_SUCCESS_RATE if self.min_success_rate is None else self.min_success_rate
        return (100 - rate) / 100


class Moments(Record):
    """Sums that give mean and variance of a count a look, whatever the number of looks."""

    looks: NonNegativeInt = 0
    total: NonNegativeInt = 0
    squares: NonNegativeInt = 0

    @classmethod
    def of(cls, counts: Iterable[int]) -> Self:
        seen = tuple(counts)
        return cls(looks=len(seen), total=sum(seen), squares=sum(count**2 for count in seen))

    def plus(self, other: Self) -> Self:
        return type(self)(
            looks=self.looks + other.looks,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

    def and_count(self, count: int) -> Self:
        return type(self)(
            looks=self.looks + 1, total=self.total + count, squares=self.squares + count**2
        )

    @property
    def burstiness(self) -> float:
        """Variance over mean: 1 for failures that know nothing of each other; never below 1."""
        if self.looks < 2 or self.total == 0:
            return 1.0
        spread = self.looks * self.squares - self.total**2
        return max(1.0, spread / ((self.looks - 1) * self.total))


class GuardState(Record):
    """What the guard knows of one step: a few numbers, however long the step is."""

    before: Moments = Moments()
    """The primary's failures a look in the two minutes before the step."""
    during: Moments = Moments()
    """The same, in the step."""
    primary: Counts = Counts()
    canary: Counts = Counts()
    looks_with_failures: NonNegativeInt = 0
    last_at: FiniteFloat | None = None
    canary_ready: NonNegativeInt | None = None
    """As the last look said."""
    not_ready_for: float = Field(default=0, ge=0)
    """Seconds over which looks found no canary process ready."""

    @property
    def burstiness(self) -> float:
        return self.before.plus(self.during).burstiness


class Trip(Record):
    """The guard ends the step: why, and the numbers it went by."""

    reason: Literal[Reason.GUARD_ERRORS, Reason.GUARD_NOT_READY]
    message: str
    failed: NonNegativeInt
    requests: NonNegativeInt
    primary_failed: NonNegativeInt
    primary_requests: NonNegativeInt
    burstiness: float
    p_primary: float | None = None
    """Probability of so many canary failures were it as good as the primary; None: not tested."""
    p_allowed: float | None = None
    """Probability of so many were it as good as the manifest demands; None: not tested."""
    not_ready_for: float | None = None
    """Seconds without a ready canary process, where that ends the step."""
