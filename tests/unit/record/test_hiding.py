"""Credentials that a manifest carries do not outlive it."""

import pytest

from tests.builders import a_hook, a_plan
from workflows.model.plan import UndoHook
from workflows.records.hiding import hidden_url, public


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("http://127.0.0.1:9090/api", "http://127.0.0.1:9090/api"),
        ("https://ana:pw@host:1/x", "https://hidden@host:1/x"),
        ("https://host/x?token=abc&a=1#f", "https://host/x?token=hidden&a=hidden"),
        ("not a url", "not a url"),
        ("http://[broken", "hidden"),
    ],
)
def test_a_url_keeps_where_it_goes_and_no_secret(url: str, hidden: str) -> None:
    assert hidden_url(url) == hidden


def test_metadata_keeps_its_commands_and_hides_what_tells_of_a_secret() -> None:
    metadata = {
        "cmd": "hey -z 1m -H 'Authorization: Bearer s3cret' -H 'x-api-key: s3cret' http://shop/",
        "token": "s3cret",
        "type": "bash",
    }
    hook = a_hook("load").model_copy(update={"metadata": metadata})
    undo = UndoHook(name="flags", after="start", url="http://u:s3cret@flags/", metadata=metadata)
    plan = public(a_plan(50, post_hooks=(hook,), undo=(undo,)))
    assert "s3cret" not in plan.model_dump_json()
    kept = plan.post_hooks[0].metadata
    assert kept is not None
    assert kept["cmd"].startswith("hey -z 1m -H 'Authorization: ")
    assert kept["cmd"].endswith("http://shop/")
    assert kept["type"] == "bash"


def test_a_plan_without_credentials_is_the_same() -> None:
    plan = a_plan(20, 60)
    assert public(plan) == plan
