"""The buttons of a Slack alert at a waiting gate, and what a press of one means.

`activities.alerts` puts `buttons_block` into the blocks of its message;
`worker.gateway.receivers.slack` reads the press back. Who pressed is not in here: Slack says it.
"""

from collections.abc import Mapping

from pydantic import JsonValue, model_validator

from workflows.model.identity import Slot
from workflows.model.status import Verb
from workflows.model.value import Value

BLOCK_ID = "serinus.gate"
ACTIONS: Mapping[str, Verb] = {"serinus.approve": Verb.APPROVE, "serinus.reject": Verb.REJECT}
_LABELS = {Verb.APPROVE: ("Approve", "primary"), Verb.REJECT: ("Reject", "danger")}


class Gate(Value):
    """The gate that a button is for; a press for another step or run changes nothing."""

    cluster: str
    namespace: str
    name: str
    step: str
    run: str = ""

    @model_validator(mode="after")
    def _of_a_slot(self) -> "Gate":
        self.slot  # noqa: B018  refuses names that no slot can have
        return self

    @property
    def slot(self) -> Slot:
        return Slot(cluster=self.cluster, namespace=self.namespace, name=self.name)

    @classmethod
    def of(cls, slot: Slot, step: str, run: str = "") -> "Gate":
        """The gate `step` of the run `run` in this slot."""
        place = {"cluster": slot.cluster, "namespace": slot.namespace, "name": slot.name}
        return cls(**place, step=step, run=run)


def buttons_block(gate: Gate) -> dict[str, JsonValue]:
    """A Block Kit `actions` block: approve, and reject with a question before it."""
    elements: list[JsonValue] = [
        _button(action, verb, gate) for action, verb in ACTIONS.items()
    ]  # fmt: skip
    return {"type": "actions", "block_id": BLOCK_ID, "elements": elements}


def _button(action: str, verb: Verb, gate: Gate) -> dict[str, JsonValue]:
    label, style = _LABELS[verb]
    button: dict[str, JsonValue] = {
        "type": "button",
        "action_id": action,
        "style": style,
        "text": _plain(label),
        "value": gate.model_dump_json(),
    }
    if verb is Verb.REJECT:
        button["confirm"] = {
            "title": _plain("Reject this gate?"),
            "text": _plain(f"{gate.namespace}/{gate.name} is rolled back."),
            "confirm": _plain("Reject"),
            "deny": _plain("Keep waiting"),
        }
    return button


def _plain(text: str) -> dict[str, JsonValue]:
    return {"type": "plain_text", "text": text}
