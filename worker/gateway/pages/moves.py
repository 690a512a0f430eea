"""What one person may do with a rollout now: its buttons, and its gate in their eyes. Pure."""

from dataclasses import dataclass

from worker.gateway.identity import Person
from workflows.approvals.approving import Speaker, may_approve, may_reject
from workflows.model.approval import Circle, GateState, Given
from workflows.model.status import RolloutStatus, Verb, Waiting

DANGEROUS = frozenset({Verb.ABORT, Verb.PROMOTE, Verb.REJECT, Verb.SKIP})
TITLES = {
    Verb.APPROVE: "Approve",
    Verb.REJECT: "Reject",
    Verb.PAUSE: "Pause",
    Verb.RESUME: "Resume",
    Verb.PROMOTE: "Promote now",
    Verb.ABORT: "Abort",
    Verb.SKIP: "Give up an undo hook",
    Verb.SUBMIT: "Look at the target again",
}
MEANS = {
    Verb.REJECT: "The release is taken back: all users go to the primary, the canary is stopped.",
    Verb.PROMOTE: (
        "The canary becomes the primary at once. The steps, checks and gates that are left are"
        " passed over."
    ),
    Verb.ABORT: "The release is taken back: all users go to the primary, the canary is stopped.",
    Verb.SKIP: "This undo hook is not called any more. What it would have undone stays.",
}
DONE = {
    Verb.APPROVE: "Your approval counts.",
    Verb.REJECT: "You have rejected it; users go back to the primary.",
    Verb.PAUSE: "The rollout is paused.",
    Verb.RESUME: "The rollout goes on.",
    Verb.PROMOTE: "The canary becomes the primary.",
    Verb.ABORT: "The rollout is aborted; users go back to the primary.",
    Verb.SKIP: "The undo hook is given up.",
    Verb.SUBMIT: "The target was looked at.",
}
_ORDER = (Verb.PAUSE, Verb.RESUME, Verb.PROMOTE, Verb.ABORT, Verb.SKIP, Verb.SUBMIT)


@dataclass(frozen=True)
class Gate:
    """The gate that waits, as one person sees it."""

    waiting: Waiting
    asked: str
    quorum: int
    given: tuple[Given, ...]
    may_approve: bool
    may_reject: bool
    refusal: str

    @property
    def missing(self) -> int:
        return max(0, self.quorum - len(self.given))


@dataclass(frozen=True)
class Move:
    """One button."""

    verb: Verb
    title: str
    dangerous: bool


def moves(status: RolloutStatus, person: Person) -> tuple[Move, ...]:
    """The buttons beside those of the gate."""
    return tuple(
        Move(verb, TITLES[verb], verb in DANGEROUS)
        for verb in _ORDER
        if verb in status.allowed and person.may(verb, status.slot) and _sensible(verb, status)
    )


def gate(status: RolloutStatus, person: Person) -> Gate | None:
    """The gate that waits, if one does."""
    waiting = status.waiting
    if waiting is None:
        return None
    speaker = Speaker(person.name, person.groups, person.via, proven=True)
    state = GateState(given=waiting.given, escalated=waiting.escalated)
    approving = may_approve(waiting.rule, state, speaker, ())
    rejecting = may_reject(waiting.rule, speaker)
    role = person.may(Verb.APPROVE, status.slot)
    return Gate(
        waiting=waiting,
        asked=asked(waiting),
        quorum=waiting.rule.quorum,
        given=waiting.given,
        may_approve=role and approving is None and Verb.APPROVE in status.allowed,
        may_reject=role and rejecting is None and Verb.REJECT in status.allowed,
        refusal=_refusal(person, role=role, words=approving.message if approving else ""),
    )


def asked(waiting: Waiting) -> str:
    """Whom a gate asks, in a sentence."""
    rule = waiting.rule
    whom = _circle(rule.who) or "anyone who may approve"
    text = f"{rule.quorum} of: {whom}" if rule.quorum > 1 else f"Asks {whom}"
    text += ", but not the author of the change" if rule.not_author else ""
    if waiting.escalated and (more := _circle(rule.escalate_to)):
        text += f"; since it has waited so long, also {more}"
    return f"{text}."


def _refusal(person: Person, *, role: bool, words: str) -> str:
    if not role:
        return f"{person.name} may look at this target, not approve here."
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _circle(circle: Circle) -> str:
    return ", ".join((*circle.people, *(f"the group {group}" for group in circle.groups)))


def _sensible(verb: Verb, status: RolloutStatus) -> bool:
    """A rollout that is over takes no order; what it needs is a new one, from its history."""
    return status.outcome is None and (verb is not Verb.SKIP or bool(status.undo_owed))
