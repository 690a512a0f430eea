"""Where a run is in its plan: the small state that decisions are made of."""

from workflows.model.approval import Author, Ceiling, GateState
from workflows.model.plan import ALL_PRIMARY, Routes
from workflows.model.value import Record


class Course(Record):
    """`position` is the step being done, or next to be done while `holding`.

    `skipping` is set by a promotion by hand: gates and observations before `promote` are passed
    over. `queued` is a newer revision that waits for the end of this run. `gate` is the state of
    the gate at `position`, `ceilings` are the weights that people have approved no more than.
    """

    position: int = 0
    failed_checks: int = 0
    paused: bool = False
    holding: bool = False
    skipping: bool = False
    routes: Routes = ALL_PRIMARY
    queued: str = ""
    gate: GateState = GateState()
    ceilings: tuple[Ceiling, ...] = ()
    authors: tuple[Author, ...] = ()


class Span(Record):
    """When a step ran, in seconds since 1970."""

    started_at: float
    ended_at: float | None = None


class Timeline(Record):
    """When each step ran, by its position."""

    spans: dict[int, Span] = {}

    def began(self, position: int, at: float) -> "Timeline":
        """Note the start of a step; a step that goes on keeps its first start."""
        if position in self.spans:
            return self
        return Timeline(spans={**self.spans, position: Span(started_at=at)})

    def ended(self, position: int, at: float) -> "Timeline":
        """Note the end of a step."""
        span = self.spans.get(position)
        if span is None or span.ended_at is not None:
            return self
        return Timeline(spans={**self.spans, position: span.model_copy(update={"ended_at": at})})
