"""A Trigger that says something else than it means is refused, by the path of the field."""

import pytest

from tests.unit.receivers.events import a_trigger
from workflows.errors import ManifestError


def test_defaults_are_the_safe_ones() -> None:
    receiver = a_trigger().spec.receiver
    assert (receiver.proof, receiver.algorithms, receiver.keys) == ("hmac", ("sha256",), ("token",))
    assert receiver.replay_window.total_seconds() == 600


def test_receiver_is_named_as_the_trigger_unless_it_has_a_name() -> None:
    assert a_trigger().receiver == "of-flux"
    assert a_trigger(receiver={"name": "prod"}).receiver == "prod"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"action": "submti"}, "spec.action: .*did you mean submit"),
        ({"receiver": {"type": "flx"}}, "spec.receiver.type: .*did you mean flux"),
        ({"receiver": {"algoritms": []}}, "spec.receiver.algoritms: .*did you mean algorithms"),
        ({"receiver": {"algorithms": ["md5"]}}, "spec.receiver.algorithms.0"),
        ({"receiver": {"keys": []}}, "spec.receiver.keys: has too few"),
        ({"receiver": {"secretRef": None}}, "spec.receiver.secretRef: is required"),
        ({"receiver": {"replayWindow": "13h"}}, "spec.receiver.replayWindow: .*at most 12h"),
        ({"receiver": {"replayWindow": "0s"}}, "spec.receiver.replayWindow"),
        ({"targets": {}}, "spec.targets: names no target"),
        ({"targets": {"fromObject": "owner"}}, "spec.targets.fromObject: .*did you mean owned"),
        ({"match": [{"reasons": ["x"]}]}, r"spec.match\[0\].reasons: .*did you mean reason"),
        ({"match": [{"kind": "Kustomization"}]}, r"spec.match\[0\].kind: must be a list"),
        (
            {"receiver": {"type": "plain"}, "targets": {"fromObject": "owned"}},
            "spec.targets.fromObject: needs the events of Flux.*did you mean same",
        ),
    ],
)
def test_mistakes_are_said_with_their_path(change: dict[str, object], words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        a_trigger(**change)  # type: ignore[arg-type]
