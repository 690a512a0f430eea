"""What senders write is read in either spelling, and what is wrong is said with its field."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.receivers.events import BODY, a_trigger
from worker.gateway.receivers.arriving import Arrived, orders_of, read, trusted
from worker.gateway.receivers.cloudevents import STRUCTURED_JSON, read_cloud_event
from worker.gateway.receivers.event import Event, Unreadable, plain_names, read_flux
from worker.gateway.receivers.matching import Wanted
from worker.gateway.receivers.plain import read_plain
from workflows.model.identity import Slot
from workflows.model.trigger import Sender, TriggerAction

SHOP = Slot(namespace="apps", name="shop")
CLOUD_EVENT: Mapping[str, object] = {
    "specversion": "1.0",
    "id": "42",
    "source": "/ci/shop",
    "type": "dev.ci.applied",
    "subject": "apps/shop",
    "time": "2026-11-23T05:40:12Z",
}
BINARY = {f"ce-{name}": str(value) for name, value in CLOUD_EVENT.items()}


def a_flux_body(**more: object) -> bytes:
    return json.dumps({**json.loads(BODY), **more}).encode()


def status_of(arrived: Arrived) -> int:
    """200 for what can be read."""
    try:
        read(arrived)
    except Unreadable as refused:
        return refused.status
    return 200


def test_flux_event_is_read() -> None:
    event = read_flux(BODY)
    assert (event.kind, event.namespace, event.name) == (
        "GitRepository", "gitops-system", "webapp")  # fmt: skip
    assert (event.severity, event.reason, event.at) == ("info", "reason", 1664520029.0)
    assert event.metadata == {"test": "metadata"}


def test_metadata_counts_with_and_without_the_prefix_of_its_group() -> None:
    prefixed = {
        "kustomize.toolkit.fluxcd.io/revision": "main@sha1:1",
        "event.toolkit.fluxcd.io/cluster": "prod-1",
        "example.org/owner": "ana",
    }
    event = read_flux(a_flux_body(metadata=prefixed))
    assert event.metadata == {
        "revision": "main@sha1:1", "cluster": "prod-1", "example.org/owner": "ana"}  # fmt: skip
    assert event.cluster == "prod-1"


@given(st.permutations([("revision", "bare"), ("event.toolkit.fluxcd.io/revision", "prefixed")]))
def test_a_bare_name_wins_whatever_the_order(pairs: list[tuple[str, str]]) -> None:
    assert plain_names(dict(pairs)) == {"revision": "bare"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "2026-11-23T05:40:12"}, "time zone"),
        ({"involvedObject": {"kind": "Kustomization"}}, "involvedObject.name"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_flux_event_that_lacks_something_is_refused_by_its_field(
    change: dict[str, object], words: str
) -> None:
    with pytest.raises(Unreadable, match=words) as refused:
        read_flux(a_flux_body(**change))
    assert refused.value.status == 422


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for sender in Sender:
        for headers in ({}, {"content-type": STRUCTURED_JSON}, BINARY):
            assert status_of(Arrived(sender, headers, body, 0.0)) in (200, 400, 415, 422)


def test_what_was_sent_is_not_said_back() -> None:
    with pytest.raises(Unreadable) as refused:
        read_flux(a_flux_body(timestamp="s3cret"))
    assert "s3cret" not in str(refused.value)


def test_structured_and_binary_cloud_events_are_the_same() -> None:
    data = {"namespace": "apps", "name": "shop", "severity": "error"}
    structured = json.dumps({**CLOUD_EVENT, "data": data}).encode()
    one = read_cloud_event({"content-type": f"{STRUCTURED_JSON}; charset=utf-8"}, structured)
    headers = {**BINARY, "content-type": "application/json"}
    assert one == read_cloud_event(headers, json.dumps(data).encode())
    assert (one.namespace, one.name, one.reason, one.severity) == (
        "apps", "shop", "dev.ci.applied", "error")  # fmt: skip


def test_subject_names_the_target_where_no_data_does() -> None:
    event = read_cloud_event(BINARY, b"")
    assert (event.namespace, event.name) == ("apps", "shop")


def test_a_batch_is_refused_with_a_reason() -> None:
    with pytest.raises(Unreadable, match="by itself") as refused:
        read_cloud_event({"content-type": "application/cloudevents-batch+json"}, b"[]")
    assert refused.value.status == 415


@pytest.mark.parametrize("version", ["0.3", "2.0", ""])
def test_other_versions_of_cloud_events_are_refused(version: str) -> None:
    with pytest.raises(Unreadable, match="specversion"):
        read_cloud_event({**BINARY, "ce-specversion": version}, b"")


def test_a_signature_vouches_for_no_header() -> None:
    signed = a_trigger(receiver={"type": "cloudevents"})
    by_token = a_trigger(receiver={"type": "cloudevents", "proof": "bearer"})
    binary = Arrived(Sender.CLOUD_EVENTS, BINARY, b"", 0.0)
    with pytest.raises(Unreadable, match="proof: bearer"):
        trusted([signed], binary)
    assert trusted([signed, by_token], binary) == [by_token]
    structured = Arrived(Sender.CLOUD_EVENTS, {"content-type": STRUCTURED_JSON}, b"", 0.0)
    assert trusted([signed], structured) == [signed]


def test_plain_hook_needs_no_more_than_a_name() -> None:
    event = read_plain(b'{"name": "shop"}')
    assert (event.namespace, event.name, event.identity) == ("default", "shop", None)


def test_plain_hook_with_an_id_is_known_again() -> None:
    one, other = (read_plain(b'{"name": "shop", "id": "%d"}' % number) for number in (1, 2))
    assert one.identity == read_plain(b'{"id": "1", "name": "shop"}').identity != other.identity


def test_an_order_that_is_no_look_needs_a_time_to_be_told_from_its_repetition() -> None:
    event = read_plain(b'{"name": "shop", "id": "1"}')
    with pytest.raises(Unreadable, match="timestamp"):
        orders_of(event, [Wanted(SHOP, TriggerAction.ABORT, "trigger apps/t")], 5.0)
    (look,) = orders_of(event, [Wanted(SHOP, TriggerAction.SUBMIT, "trigger apps/t")], 5.0)
    assert look.at == 5.0


def test_deliveries_without_identity_are_each_their_own() -> None:
    event = Event(name="shop")
    found = [Wanted(SHOP, TriggerAction.SUBMIT, "t")]
    (one,), (other,) = orders_of(event, found, 0.0), orders_of(event, found, 0.0)
    assert one.workflow_id != other.workflow_id


def test_the_same_delivery_has_the_same_id_whenever_it_comes() -> None:
    event = read_flux(BODY)
    found = [Wanted(SHOP, action, "t") for action in TriggerAction]
    first, later = orders_of(event, found, 1.0), orders_of(event, found, 99.0)
    assert first == later
    assert len({each.workflow_id for each in first}) == len(TriggerAction)


def test_words_of_an_event_are_one_bounded_line() -> None:
    event = Event(kind="Kustomization", name="shop", reason="BuildFailed", message="a\nb " * 900)
    assert len(event.summary) == 500
    assert "\n" not in event.summary
