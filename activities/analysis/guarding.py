"""Looks at live counters between ticks; `analysis.observe` races it against the ticks."""

from activities.analysis.instruments import Feed
from workflows.errors import Reason, failure
from workflows.guard import look_at
from workflows.model.live import GuardRule, GuardState, Moments, Trip


class Guarding:
    """The guard of one step; `state` belongs into its heartbeat."""

    def __init__(self, rule: GuardRule, state: GuardState | None) -> None:
        self._rule = rule
        self.state = state

    async def watch(self, feed: Feed) -> Trip:
        """Comes back when the canary is plainly bad, and only then."""
        state = self.state or _before(feed)
        async for look in feed.looks():
            state, trip = look_at(self._rule, state, look)
            self.state = state
            if trip is not None:
                return trip
        raise failure(
            Reason.INTERNAL,
            "the live counters came to an end during a step; looking again",
            retryable=True,
        )


def _before(feed: Feed) -> GuardState:
    """What was before the step says only how bursty the primary's failures are."""
    return GuardState(before=Moments.of(look.primary.failed for look in feed.history))
