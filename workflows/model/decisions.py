"""What people and systems say to a rollout. Every field has a default: an empty form works."""

from typing import Annotated

from pydantic import Field, FiniteFloat

from workflows.model.approval import Seal
from workflows.model.requests import Action
from workflows.model.value import Value

Name = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=2_000)]
LATEST = 4_102_444_800.0
"""The year 2100; a time in milliseconds is beyond it, and refused."""
Instant = Annotated[FiniteFloat, Field(ge=0, le=LATEST)]
Groups = Annotated[tuple[Name, ...], Field(max_length=500)]


class Decision(Value):
    """An answer to a gate. With `step`, it counts only for the step of that name.

    An approval may carry conditions: not above `max_weight` percent, not before `not_before`
    (seconds since 1970). Without a valid `seal`, who it is from is claimed, not proven, and
    `groups` count for nothing.
    """

    by: Name = ""
    comment: Text = ""
    step: Name = ""
    groups: Groups = ()
    max_weight: Annotated[int, Field(ge=0, le=100)] | None = None
    not_before: Instant | None = None
    seal: Seal | None = None


class Order(Value):
    """Pause, resume, promote or abort, with who and why; `groups` count under a seal only."""

    by: Name = ""
    reason: Text = ""
    groups: Groups = ()
    seal: Seal | None = None


class Submit(Value):
    """A trigger: look at the target; `revision` says which one the sender means, if it knows."""

    by: Name = ""
    revision: Name = ""
    action: Action = Action.RELEASE
    reason: Text = ""


class SkipUndo(Value):
    """Give up one undo hook that will not succeed."""

    undo: Name = ""
    by: Name = ""
    reason: Text = ""
    groups: Groups = ()
    seal: Seal | None = None
