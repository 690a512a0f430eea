"""What becomes of a Canary that Flagger has released until now. Pure: the whole table.

Called by `serinus takeover`. The rollout decides by the same rules when it adopts one by itself
(`activities.kube.left`); this is what it will do, said beforehand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from activities.kube.left import MID_RUN
from workflows.model.status import Phase


class Fate(StrEnum):
    """What happens to a Canary."""

    KEPT = "kept"
    SAFE_FIRST = "safe state first"
    RELEASED = "will release"
    INITIALISED = "will initialise"
    OURS = "ours already"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be seen of one Canary."""

    name: str
    namespace: str
    phase: str = ""
    canary_weight: int = 0
    """As its status has it."""
    refusal: str = ""
    """What is wrong with its manifest."""
    missing: str = ""
    """What its target needs and what is not there."""
    deleted: bool = False
    suspended: bool = False
    ours: bool = False
    target: bool = True
    primary: bool = True
    same: bool = True
    """The primary runs what the target holds."""
    not_ready: str = ""
    """Why the primary could not have all users."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens, and why in a few words."""

    fate: Fate
    why: str


def fate_of(sight: Sight) -> Verdict:
    """By the first row that fits."""
    for fits, fate, why in _ROWS:
        if fits(sight):
            return Verdict(fate, why if isinstance(why, str) else why(sight))
    raise AssertionError(sight)


def _is_under_way(sight: Sight) -> bool:
    return sight.phase in MID_RUN or sight.canary_weight > 0


def _is_not_ready(sight: Sight) -> bool:
    """While a promotion is under way, a primary that is not ready yet is no surprise."""
    return bool(sight.not_ready) and sight.phase not in MID_RUN


_Row = tuple[Callable[[Sight], bool], Fate, str | Callable[[Sight], str]]
_SAFE = "all traffic to the primary, the canary rests"
_ROWS: tuple[_Row, ...] = (
    (lambda s: s.ours, Fate.OURS, "Serinus releases it already"),
    (
        lambda s: s.deleted,
        Fate.REFUSED,
        "it is being deleted; whoever holds its finalizer must end that",
    ),
    (lambda s: bool(s.refusal), Fate.REFUSED, lambda s: s.refusal),
    (lambda s: not s.target, Fate.REFUSED, "its target is not there"),
    (
        lambda s: bool(s.missing),
        Fate.REFUSED,
        lambda s: f"its target needs {s.missing}, not there",
    ),
    (lambda s: s.suspended, Fate.KEPT, "it is suspended: adopted when it no longer is"),
    (
        lambda s: not s.primary,
        Fate.INITIALISED,
        "it has no primary yet; users stay with the target until there is one",
    ),
    (
        _is_not_ready,
        Fate.REFUSED,
        lambda s: (
            f"its primary is not ready ({s.not_ready}); mend it first, users stay where they are"
        ),
    ),
    (
        lambda s: _is_under_way(s) and s.same,
        Fate.SAFE_FIRST,
        f"{_SAFE}; the primary runs the target's revision already: promoted",
    ),
    (
        lambda s: _is_under_way(s) and s.phase == Phase.FAILED,
        Fate.SAFE_FIRST,
        f"{_SAFE}; the target's revision failed and is not released again",
    ),
    (
        _is_under_way,
        Fate.SAFE_FIRST,
        f"{_SAFE}; then the target's revision is released from the start",
    ),
    (lambda s: s.same, Fate.KEPT, "the primary runs what the target holds"),
    (
        lambda s: s.phase == Phase.FAILED,
        Fate.KEPT,
        "the target's revision failed and is not released again",
    ),
    (lambda _: True, Fate.RELEASED, "the target differs from the primary"),
)
