"""The guard's rule: is the canary plainly bad, so bad that nobody should wait for the next tick?

The observe activity calls `look_at` every half second. The rule only ever ends a step; it passes
nothing. It looks at errors and readiness, not yet at latency. A sequential test can take its place
behind `look_at` without its caller noticing.

What ends a step for errors, all of it together:

* enough canary requests failed in this step, in enough different looks;
* the canary fails more often than the manifest allows (binomial);
* the canary fails more often than the primary did in the same seconds (hypergeometric).

Both tests take failures for independent, and real ones come in bursts. So counts are first divided
by the burstiness of the primary's failures: twenty failures in bursts of five are worth four.
"""

from math import ceil
from typing import Literal

from workflows.errors import Reason
from workflows.exact_tests import p_worse_than, p_worse_than_rate
from workflows.model.live import Counts, GuardRule, GuardState, Look, Trip

LONGEST_GAP = 2.0
"""Seconds between two looks that count as watched; a worker may have been lost in a longer gap."""


def look_at(rule: GuardRule, state: GuardState, look: Look) -> tuple[GuardState, Trip | None]:
    """Take in one look and say whether the step must end.

    A step starts with `GuardState(before=Moments.of(...))`: the primary's failures in each look of
    the two minutes before it, as far as anybody looked.
    """
    seen = observe(state, look)
    return seen, trip(rule, seen)


def observe(state: GuardState, look: Look) -> GuardState:
    return GuardState(
        before=state.before,
        during=state.during.and_count(look.primary.failed),
        primary=state.primary.plus(look.primary),
        canary=state.canary.plus(look.canary),
        looks_with_failures=state.looks_with_failures + (look.canary.failed > 0),
        last_at=look.at,
        canary_ready=look.canary_ready,
        not_ready_for=_not_ready_for(state, look),
    )


def trip(rule: GuardRule, state: GuardState) -> Trip | None:
    if not rule.enabled:
        return None
    return plainly_failing(rule, state, state.burstiness) or _plainly_not_ready(rule, state)


def plainly_failing(rule: GuardRule, state: GuardState, burstiness: float) -> Trip | None:
    """Judge errors; conditions stand in the order of their cost, cheapest first."""
    canary, primary, allowed = state.canary, state.primary, rule.allowed_failure_rate
    if canary.failed < rule.min_failures or state.looks_with_failures < rule.min_looks:
        return None
    alone = primary.requests == 0
    if not alone and canary.failed * primary.requests <= primary.failed * canary.requests:
        return None
    # Rounding speaks for the canary: it makes its failures fewer and the primary's rate higher.
    sample = _divided(canary, burstiness, failures_up=False)
    reference = _divided(primary, burstiness, failures_up=True)
    p_allowed = p_worse_than_rate(sample, allowed)
    if not p_allowed < rule.p_value:
        return None
    # Where users meet the canary only, there is nobody to compare with: the limit decides alone.
    p_primary = None if alone else p_worse_than(sample, reference)
    if p_primary is not None and not p_primary < rule.p_value:
        return None
    beside = "" if p_primary is None else f", by chance p = {p_primary:.1e} beside the primary"
    message = (
        f"the canary failed {_share(canary)} in this step, the primary {_share(primary)} in the "
        f"same seconds{beside}; p = {p_allowed:.1e} for the {allowed:.2%} allowed "
        f"(counts divided by a burstiness of {burstiness:.1f})"
    )
    return _trip(Reason.GUARD_ERRORS, message, state, burstiness, (p_primary, p_allowed))


def _plainly_not_ready(rule: GuardRule, state: GuardState) -> Trip | None:
    if state.canary_ready != 0 or state.not_ready_for < rule.not_ready_after:
        return None
    message = f"no canary process has been ready for {state.not_ready_for:.1f} s"
    found = _trip(Reason.GUARD_NOT_READY, message, state, state.burstiness, (None, None))
    return found.model_copy(update={"not_ready_for": state.not_ready_for})


def _not_ready_for(state: GuardState, look: Look) -> float:
    """Add up only time with an unready look at both ends.

    An unknown look between two unready ones neither counts nor forgives, and a worker that takes
    over with another clock loses the seconds in which nobody watched.
    """
    if look.canary_ready:
        return 0.0
    if look.canary_ready is None or state.canary_ready != 0 or state.last_at is None:
        return state.not_ready_for
    gap = look.at - state.last_at
    return state.not_ready_for + (gap if 0 <= gap <= LONGEST_GAP else 0.0)


def _divided(counts: Counts, burstiness: float, *, failures_up: bool) -> Counts:
    failed, requests = counts.failed / burstiness, counts.requests / burstiness
    if failures_up:
        return Counts(requests=max(ceil(failed), int(requests)), failed=ceil(failed))
    return Counts(requests=max(int(failed), ceil(requests)), failed=int(failed))


def _share(counts: Counts) -> str:
    rate = counts.failed / counts.requests if counts.requests else 0.0
    return f"{counts.failed} of {counts.requests} requests ({rate:.1%})"


def _trip(
    reason: Literal[Reason.GUARD_ERRORS, Reason.GUARD_NOT_READY],
    message: str,
    state: GuardState,
    burstiness: float,
    p_values: tuple[float | None, float | None],
) -> Trip:
    return Trip(
        reason=reason,
        message=message,
        failed=state.canary.failed,
        requests=state.canary.requests,
        primary_failed=state.primary.failed,
        primary_requests=state.primary.requests,
        burstiness=burstiness,
        p_primary=p_values[0],
        p_allowed=p_values[1],
    )
