"""`RolloutPolicy.spec.gates`: who must be asked before a step, and what if nobody answers.

Read by `workflows.model.policy`, put into a plan by `workflows.gating`.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from workflows.model.approval import Circle, GateRule, OnExpiry, Who
from workflows.model.problem import Problem, refuse
from workflows.model.quantity import Flag, PositiveDuration, Whole
from workflows.model.resource import Part
from workflows.model.target import Name

MOST_PEOPLE = 100
Names = Annotated[tuple[Who, ...], Field(max_length=MOST_PEOPLE)]


class CircleSpec(Part):
    """Who is asked when nobody has answered."""

    people: Names = ()
    groups: Names = ()


class GateSpec(Part):
    """One gate: `at` is its kind (`confirm-promotion`...) or the step that it stands before."""

    at: Name
    people: Names = ()
    groups: Names = ()
    quorum: Annotated[Whole, Field(ge=1, le=20)] = 1
    not_author: Flag = False
    proven: Flag = False
    expires: PositiveDuration | None = None
    on_expiry: OnExpiry | None = None
    escalate_after: PositiveDuration | None = None
    escalate_to: CircleSpec | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "GateSpec":
        refuse((*self._impossible(), *self._never()))
        return self

    def _impossible(self) -> Iterator[Problem]:
        others = self.escalate_to or CircleSpec()
        named = {name.strip().casefold() for name in (*self.people, *others.people)}
        if self.people and not (self.groups or others.groups) and len(named) < self.quorum:
            message = "is more than there are people who may approve"
            allowed = f"at most {len(named)}, or groups"
            yield Problem(path="quorum", message=message, value=str(self.quorum), allowed=allowed)
        if self.escalate_to is not None and not (others.people or others.groups):
            message = "names nobody"
            yield Problem(path="escalateTo", message=message, allowed="people, groups or both")

    def _never(self) -> Iterator[Problem]:
        if self.on_expiry is not None and self.expires is None:
            message = "says what becomes of a gate that never expires"
            yield Problem(path="onExpiry", message=message, value=self.on_expiry,
                          allowed="expires beside it")  # fmt: skip
        if self.on_expiry is OnExpiry.ESCALATE and self.escalate_to is None:
            message = "needs somebody to escalate to"
            yield Problem(path="onExpiry", message=message, value=self.on_expiry,
                          allowed="escalateTo beside it")  # fmt: skip
        if self.expires and self.escalate_after and self.escalate_after >= self.expires:
            message = "comes only when the gate has expired"
            yield Problem(path="escalateAfter", message=message, allowed="less than expires")
        lasting = self.on_expiry in (OnExpiry.HOLD, OnExpiry.ESCALATE)
        if self.escalate_to is not None and self.escalate_after is None and not lasting:
            message = "is asked by nothing"
            allowed = "escalateAfter, or onExpiry: escalate or hold, beside it"
            yield Problem(path="escalateTo", message=message, allowed=allowed)

    @property
    def rule(self) -> GateRule:
        """What the gate asks for, in seconds and with every default."""
        others = self.escalate_to or CircleSpec()
        after, expires = self.escalate_after, self.expires
        return GateRule(
            who=Circle(people=self.people, groups=self.groups),
            quorum=self.quorum,
            not_author=self.not_author,
            proven=self.proven,
            expires_after=expires.total_seconds() if expires else None,
            on_expiry=self.on_expiry or OnExpiry.REJECT,
            escalate_after=after.total_seconds() if after else None,
            escalate_to=Circle(people=others.people, groups=others.groups),
        )
