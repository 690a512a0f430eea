"""Judges who may open a gate, when it opens, and what time does to it.

Pure, and called by `workflows.decide` for every approval, by `workflows.run_record` for the status
and by `workflows.interpreter` for the next deadline. Instants are seconds since 1970.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from workflows.errors import Reason
from workflows.model.approval import Author, Circle, GateRule, GateState, Given, OnExpiry, Via
from workflows.model.quantity import format_duration

DEFAULT = GateRule()
WHOLE = 100


@dataclass(frozen=True)
class Speaker:
    """Who says something; groups count only where identity is proven."""

    by: str = ""
    groups: tuple[str, ...] = ()
    via: Via = Via.TEMPORAL
    proven: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why an order changes nothing."""

    reason: Reason
    message: str


class Deadline(StrEnum):
    """What an instant does to a gate that waits."""

    ESCALATION = "escalation"
    EXPIRY = "expiry"
    OPENING = "opening"


def person(name: str) -> str:
    """A name as one person has it, however it is written."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def authors_of(authors: Iterable[Author], revision: str, author: str) -> tuple[str, ...]:
    """Everybody who counts as author of a revision: `author`, and who triggered its release."""
    names = [author, *(each.name for each in authors if each.revision in ("", revision))]
    return tuple(dict.fromkeys(name for name in names if name.strip()))


def newest_author(authors: Iterable[Author], revision: str) -> str:
    """Who triggered the release after that of a revision; empty if nobody said who they were."""
    names = [author.name for author in authors if author.revision != revision]
    return names[-1] if names else ""


def may_approve(
    rule: GateRule, gate: GateState, speaker: Speaker, authors: Iterable[str]
) -> Refusal | None:
    """Why an approval of this speaker does not count, if it does not."""
    who = person(speaker.by)
    if any(person(each.by) == who for each in gate.given) and who:
        text = f"{speaker.by} has approved already; {needed(rule, gate.given)} more are needed"
        return Refusal(Reason.ALREADY_APPROVED, text)
    if rule == DEFAULT:
        return None
    if refusal := _unknown(rule, speaker):
        return refusal
    if rule.not_author and who in {person(author) for author in authors}:
        text = f"{speaker.by} is an author of this change; the gate asks somebody else"
        return Refusal(Reason.AUTHOR_MAY_NOT_APPROVE, text)
    if not _asked(rule, gate, speaker):
        return Refusal(Reason.NOT_ALLOWED_TO_APPROVE, _not_asked(rule, gate, speaker))
    return None


def may_reject(rule: GateRule, speaker: Speaker) -> Refusal | None:
    """Why a rejection does not count: authors and those asked on escalation may reject too."""
    if rule == DEFAULT:
        return None
    if refusal := _unknown(rule, speaker):
        return refusal
    if _everybody(rule.who) or _within(rule.who, speaker) or _within(rule.escalate_to, speaker):
        return None
    return Refusal(Reason.NOT_ALLOWED_TO_APPROVE, _not_asked(rule, GateState(), speaker))


def needed(rule: GateRule, given: Iterable[Given]) -> int:
    """How many approvals are still missing."""
    return max(0, rule.quorum - len(tuple(given)))


def opens_at(rule: GateRule, given: Iterable[Given]) -> float | None:
    """From when on enough approvals hold, 0 for at once; None while there are too few."""
    instants = sorted(each.not_before or 0.0 for each in given)
    return instants[rule.quorum - 1] if len(instants) >= rule.quorum else None


def approved_weight(rule: GateRule, given: Iterable[Given], at: float) -> int:
    """The percentage up to which enough of the approvals that hold at an instant agree."""
    holding = [each for each in given if (each.not_before or 0.0) <= at]
    limits = sorted((_limit(each) for each in holding), reverse=True)
    return limits[rule.quorum - 1] if len(limits) >= rule.quorum else 0


def next_deadline(rule: GateRule, gate: GateState, since: float) -> tuple[float, Deadline] | None:
    """What time does next to a gate that waits since an instant; an approved gate only opens."""
    opening = opens_at(rule, gate.given)
    if opening is not None:
        return opening, Deadline.OPENING
    found: list[tuple[float, Deadline]] = []
    if rule.escalate_after is not None and not gate.escalated:
        found.append((since + rule.escalate_after, Deadline.ESCALATION))
    if rule.expires_after is not None and not gate.expired:
        found.append((since + rule.expires_after, Deadline.EXPIRY))
    return min(found, default=None)


def expires_at(rule: GateRule, gate: GateState, since: float) -> float | None:
    """When the gate expires, if it still can."""
    if rule.expires_after is None or gate.expired or opens_at(rule, gate.given) is not None:
        return None
    return since + rule.expires_after


def escalated(gate: GateState) -> GateState:
    """The gate after its time without an answer: those of `escalate_to` are asked too."""
    return gate.model_copy(update={"escalated": True})


def expired(rule: GateRule, gate: GateState) -> GateState:
    """The gate after its last moment, where that does not reject it."""
    reached = not _everybody(rule.escalate_to) or rule.on_expiry is OnExpiry.ESCALATE
    return gate.model_copy(update={"expired": True, "escalated": gate.escalated or reached})


def _limit(given: Given) -> int:
    return WHOLE if given.max_weight is None else given.max_weight


def _unknown(rule: GateRule, speaker: Speaker) -> Refusal | None:
    if not person(speaker.by):
        return Refusal(Reason.NOT_ALLOWED_TO_APPROVE, "this gate asks for a name: say who you are")
    if rule.proven and not speaker.proven:
        text = (
            f"{speaker.by} is only claimed, and this gate asks for proven identity: "
            "answer it signed in, in the page, over the API or in chat"
        )
        return Refusal(Reason.IDENTITY_NOT_PROVEN, text)
    return None


def _asked(rule: GateRule, gate: GateState, speaker: Speaker) -> bool:
    held = gate.expired and rule.on_expiry is OnExpiry.HOLD
    if not held and (_everybody(rule.who) or _within(rule.who, speaker)):
        return True
    return (gate.escalated or held) and _within(rule.escalate_to, speaker)


def _everybody(circle: Circle) -> bool:
    return not (circle.people or circle.groups)


def _within(circle: Circle, speaker: Speaker) -> bool:
    if person(speaker.by) in {person(name) for name in circle.people}:
        return True
    return speaker.proven and not set(circle.groups).isdisjoint(speaker.groups)


def _not_asked(rule: GateRule, gate: GateState, speaker: Speaker) -> str:
    held = gate.expired and rule.on_expiry is OnExpiry.HOLD
    circles = [] if held else [rule.who]
    if gate.escalated or held:
        circles.append(rule.escalate_to)
    asked = " or ".join(words for circle in circles if (words := circle_words(circle)))
    text = f"{speaker.by} is not asked here; asked: {asked or 'nobody any more'}"
    if not speaker.proven and any(circle.groups for circle in circles):
        text += "; groups count only for somebody who is signed in"
    return text


def rule_words(rule: GateRule) -> str:
    """What a gate asks for, in one line; empty for the default, any one person."""
    if rule == DEFAULT:
        return ""
    number = "1 approval" if rule.quorum == 1 else f"{rule.quorum} approvals"
    words = [f"{number} of {circle_words(rule.who) or 'anybody'}"]
    words += ["not by the author"] * rule.not_author
    words += ["identity proven"] * rule.proven
    if rule.escalate_after is not None:
        words.append(f"after {span_words(rule.escalate_after)} escalated{_to(rule)}")
    if rule.expires_after is not None:
        outcome = {
            OnExpiry.REJECT: "rejected",
            OnExpiry.HOLD: f"held{_for(rule)}",
            OnExpiry.ESCALATE: f"escalated{_to(rule)}",
        }[rule.on_expiry]
        words.append(f"after {span_words(rule.expires_after)} {outcome}")
    return ", ".join(words)


def _for(rule: GateRule) -> str:
    words = circle_words(rule.escalate_to)
    return f" for {words}" if words else ""


def _to(rule: GateRule) -> str:
    words = circle_words(rule.escalate_to)
    return f" to {words}" if words else ""


def span_words(seconds: float) -> str:
    """A span as a manifest writes it: `1h30m`."""
    return format_duration(timedelta(seconds=seconds))


def circle_words(circle: Circle) -> str:
    """People and groups in words; empty where nobody is named."""
    return " or ".join((*circle.people, *(f"group {group}" for group in circle.groups)))
