"""What a waiting gate asks and has been given, in lines for people.

Used by the Markdown of the stock Temporal UI and by `serinus status`.
"""

from datetime import UTC, datetime

from workflows.approvals.approving import DEFAULT, rule_words
from workflows.model.approval import Given, OnExpiry
from workflows.model.status import Entry, Waiting


def waiting_lines(waiting: Waiting) -> list[str]:
    """Who is asked, what is still needed, and what time will do; empty where nothing is special."""
    lines: list[str] = []
    if waiting.rule != DEFAULT:
        lines.append(f"asks for {rule_words(waiting.rule)}")
    if waiting.authors:
        lines.append(f"authors, who may not approve: {', '.join(waiting.authors)}")
    if waiting.given or waiting.rule.quorum > 1:
        names = ", ".join(given_words(each) for each in waiting.given)
        count = f"given {len(waiting.given)} of {waiting.rule.quorum}"
        lines.append(f"{count}: {names}" if names else count)
    lines += _of_time(waiting)
    return lines


def given_words(given: Given) -> str:
    """One approval with its conditions."""
    words = given.by or "somebody"
    if not given.proven:
        words += " (claimed)"
    if given.max_weight is not None:
        words += f" up to {given.max_weight} %"
    if given.not_before is not None:
        words += f" not before {instant(given.not_before)}"
    return words


def actor_words(entry: Entry) -> str:
    """Who did it; a name that nobody vouched for is marked."""
    return f"{entry.actor} (claimed)" if entry.via and not entry.proven else entry.actor


def instant(at: float) -> str:
    """Seconds since 1970 as RFC 3339 has it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _of_time(waiting: Waiting) -> list[str]:
    lines: list[str] = []
    if waiting.opens_at is not None:
        lines.append(f"approved; opens at {instant(waiting.opens_at)}")
    if waiting.expires_at is not None:
        lines.append(f"expires at {instant(waiting.expires_at)}")
    if waiting.expired and waiting.rule.on_expiry is OnExpiry.HOLD:
        lines.append("expired: it stays closed for all but those it is escalated to")
    elif waiting.escalated:
        lines.append("escalated: those it is escalated to are asked too")
    return lines
