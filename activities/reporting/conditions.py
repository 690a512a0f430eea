"""Conditions of a Canary: Flagger's `Promoted`, and those that kstatus, Flux and Argo CD read.

Pure. A condition's transition time changes only with its status; one that says what it said
before is left alone.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import JsonValue

from activities.kube.objects import KubeObject, maps_at
from workflows.model.status import Phase


class State(StrEnum):
    """A condition's status."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """What is said; when it began to be so is worked out from what was said before."""

    type: str
    state: State
    reason: str
    message: str = ""


_PROMOTED = {
    Phase.INITIALIZED: State.TRUE,
    Phase.SUCCEEDED: State.TRUE,
    Phase.FAILED: State.FALSE,
}
AT_REST = frozenset(_PROMOTED)


def conditions_of(phase: Phase, reason: str = "", message: str = "") -> Sequence[Condition]:
    """`reason` says why a rollout failed; otherwise the phase is the reason, as in Flagger."""
    promoted = _PROMOTED.get(phase, State.UNKNOWN)
    failed = phase is Phase.FAILED
    why = (reason if failed else "") or phase.value
    return (
        Condition("Promoted", promoted, phase.value, message),
        Condition("Ready", promoted, why, message),
        Condition("Reconciling", _state(phase not in AT_REST), phase.value, message),
        Condition("Stalled", _state(failed), why, message),
    )


def merged(
    canary: KubeObject, wanted: Iterable[Condition], now: datetime
) -> list[JsonValue] | None:
    """All conditions of the Canary with these among them; None if nothing changes."""
    live = list(maps_at(canary, "status", "conditions"))
    before = {str(each.get("type")): each for each in live}
    after = {each.type: _written(each, before.get(each.type, {}), now) for each in wanted}
    both = {**before, **after}
    return None if list(both.values()) == live else [dict(each) for each in both.values()]


def clock() -> datetime:
    """The time by this machine."""
    return datetime.fromtimestamp(time.time(), UTC)


def stamp(moment: datetime) -> str:
    """A time as Kubernetes writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _written(
    wanted: Condition, before: Mapping[str, JsonValue], now: datetime
) -> dict[str, JsonValue]:
    said = {
        "type": wanted.type,
        "status": wanted.state.value,
        "reason": wanted.reason,
        "message": wanted.message,
    }
    if all(before.get(name, "") == value for name, value in said.items()):
        return dict(before)
    same = before.get("status") == wanted.state
    since = before.get("lastTransitionTime") if same else None
    return {
        **said,
        "lastUpdateTime": stamp(now),
        "lastTransitionTime": since or stamp(now),
    }


def _state(is_so: bool) -> State:
    return State.TRUE if is_so else State.FALSE
