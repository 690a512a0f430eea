"""Alerts about a restore that is not done in time: pure, from what its activities say.

Asked by `workflows.telling.announce` when a rollback has been told of and the end of the run has
not.
"""

from collections.abc import Iterator, Sequence

from workflows.model.alert import Alert, Fact, Severity, State
from workflows.model.announcement import Trouble

UNDO = "hooks.undo"
_WORDS = {
    State.RESTORE_RETRYING: "Giving traffic back is still being tried",
    State.UNDO_FAILING: "An undo hook does not answer; it is called until it does or is skipped",
}


def trouble_alerts(rollback: Alert, trouble: Sequence[Trouble], at: float) -> Iterator[Alert]:
    """At most one for each kind of trouble; the receiver's lane tells each only once."""
    found = {_state(each): each for each in trouble if each.attempt > 1}
    for state, each in found.items():
        name = f"{rollback.slot.name}.{rollback.slot.namespace}"
        yield rollback.model_copy(
            update={
                "key": f"{rollback.run_id}/{state}",
                "at": at,
                "severity": Severity.ERROR,
                "title": f"Rollback has trouble: {name}",
                "text": f"Rolling back {name}: {_WORDS[state]} (attempt {each.attempt}): "
                f"{each.message}",
                "facts": (
                    *rollback.facts[:1],
                    Fact(name="Activity", value=each.activity),
                    Fact(name="Attempt", value=str(each.attempt)),
                ),
                "state": state,
            }
        )


def _state(each: Trouble) -> State:
    return State.UNDO_FAILING if each.activity == UNDO else State.RESTORE_RETRYING
