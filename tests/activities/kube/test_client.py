"""The client against a server that speaks the wire protocol."""

import asyncio
import re
import socket
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from activities.kube.api import Change
from activities.kube.client import KubeClient
from activities.kube.connect import open_cluster
from activities.kube.objects import Ref, text_at
from activities.kube.watch import GONE
from tests.activities.kube.conftest import kubeconfig
from tests.activities.kube.server import (
    Json,
    Wire,
    config,
    event,
    events,
    listed,
    refuses,
    says,
    serving,
)
from workflows.errors import Reason, reason_of

MAPS = "/api/v1/namespaces/shop/configmaps"
ONE = Ref("v1", "ConfigMap", "one", "shop")
WANTED: Json = {
    "apiVersion": "v1", "kind": "ConfigMap",
    "metadata": {"name": "one", "namespace": "shop"}, "data": {"a": "1"},
}  # fmt: skip


async def test_an_object_is_read_as_it_is(client: KubeClient, wire: Wire) -> None:
    unknown: Json = {"newField": {"of": [1, None]}}
    wire.next(f"GET {MAPS}/one", says({**config("one", 7, a="1"), **unknown}))
    found = await client.read(ONE)

    assert found is not None
    assert found["newField"] == {"of": [1, None]}
    assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")
    assert client.requests == {"discover": 1, "read ConfigMap": 1}


async def test_an_object_that_is_not_there_is_none(client: KubeClient, wire: Wire) -> None:
    wire.next(f"GET {MAPS}/one", refuses(404, "NotFound", "not found", name="one"))
    assert await client.read(ONE) is None


@pytest.mark.parametrize("ref", [
    Ref("v1", "Unheard", "one", "shop"), Ref("example.org/v1", "Thing", "one", "shop"),
])  # fmt: skip
async def test_a_kind_that_is_not_installed_is_said_so(client: KubeClient, ref: Ref) -> None:
    with pytest.raises(ApplicationError, match=f"no {ref.kind} of {ref.api_version}") as refused:
        await client.read(ref)

    assert (reason_of(refused.value), refused.value.non_retryable) == (
        Reason.KIND_NOT_INSTALLED, True,
    )  # fmt: skip
    await client.delete(ref)  # what cannot be there is gone


async def test_a_kind_that_goes_away_is_looked_for_again(client: KubeClient, wire: Wire) -> None:
    with pytest.raises(ApplicationError) as refused:
        await client.read(ONE)  # discovered, but the path answers as an unknown one
    assert reason_of(refused.value) is Reason.KIND_NOT_INSTALLED

    wire.next(f"GET {MAPS}/one", says(config("one", 1)))
    assert await client.read(ONE) is not None
    assert client.requests["discover"] == 2


async def test_cluster_scoped_kinds_have_no_namespace(client: KubeClient, wire: Wire) -> None:
    wire.next("GET /api/v1/namespaces/shop", says({"metadata": {"name": "shop"}}))
    assert await client.read(Ref("v1", "Namespace", "shop")) is not None


@pytest.mark.parametrize(("code", "word", "message", "reason", "retryable"), [
    (401, "Unauthorized", "Unauthorized", Reason.CLUSTER_FORBIDDEN, True),
    (403, "Forbidden", "cannot patch", Reason.CLUSTER_FORBIDDEN, True),
    (403, "Forbidden", 'admission webhook "x" denied it', Reason.OBJECT_REJECTED, False),
    (400, "BadRequest", "admission webhook denied it", Reason.OBJECT_REJECTED, False),
    (409, "Conflict", "modified", Reason.CONFLICT, True),
    (409, "AlreadyExists", "there already", Reason.CONFLICT, True),
    (422, "Invalid", "spec.x: Required", Reason.OBJECT_REJECTED, False),
    (413, "RequestEntityTooLarge", "too large", Reason.OBJECT_REJECTED, False),
    (500, "InternalError", "etcd", Reason.CLUSTER_UNREACHABLE, True),
    (503, "ServiceUnavailable", "starting", Reason.CLUSTER_UNREACHABLE, True),
    (404, "NotFound", "it is gone", Reason.CONFLICT, True),
])  # fmt: skip
async def test_each_refusal_has_its_reason(
    client: KubeClient, wire: Wire, code: int, word: str, message: str, reason: Reason,
    retryable: bool,
) -> None:  # fmt: skip
    wire.next(f"PATCH {MAPS}/one", refuses(code, word, message, name="one"))
    with pytest.raises(ApplicationError) as refused:
        await client.apply(WANTED)

    assert reason_of(refused.value) is reason
    assert refused.value.non_retryable is not retryable
    assert "apply ConfigMap shop/one" in refused.value.message
    assert message in refused.value.message or code == 404


async def test_too_many_requests_waits_as_long_as_it_is_told(
    client: KubeClient, wire: Wire
) -> None:
    wire.next(f"GET {MAPS}/one", says({"message": "slow down"}, 429, Retry_After="3"))
    with pytest.raises(ApplicationError, match="slow down") as refused:
        await client.read(ONE)

    assert reason_of(refused.value) is Reason.CLUSTER_UNREACHABLE
    assert refused.value.next_retry_delay == timedelta(seconds=3)


async def test_no_server_is_unreachable(tmp_path: Path) -> None:
    with socket.socket() as held:  # bound, not listening
        held.bind(("127.0.0.1", 0))
        async with open_cluster(kubeconfig(tmp_path, held.getsockname()[1])) as client:
            with pytest.raises(ApplicationError, match="does not answer") as refused:
                await client.read(ONE)
    assert reason_of(refused.value) is Reason.CLUSTER_UNREACHABLE


async def test_a_context_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ApplicationError, match="set a kubeconfig and a context"):
        async with open_cluster(kubeconfig(tmp_path, 1), "other"):
            pass


async def test_apply_is_server_side_with_a_precondition(client: KubeClient, wire: Wire) -> None:
    wire.next(f"PATCH {MAPS}/one", says(config("one", 8)))
    await client.apply(WANTED, resource_version="7")

    assert wire.content_types == ["application/apply-patch+yaml"]
    assert wire.queries == [{"fieldManager": "serinus", "force": "true"}]
    assert text_at(_body(wire, 0), "metadata", "resourceVersion") == "7"
    assert text_at(WANTED, "metadata", "resourceVersion") == ""


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
async def test_what_is_applied_is_yaml_whatever_its_letters(
    client: KubeClient, wire: Wire, text: str
) -> None:
    wire.next(f"PATCH {MAPS}/one", says(config("one", 8)))
    await client.apply({**WANTED, "data": {"a": text + "\U0001f426\\ud83d"}})

    assert text_at(_body(wire, -1), "data", "a") == text + "\U0001f426\\ud83d"
    assert not re.search(r"(?<!\\)\\ud[89ab]", wire.texts[-1])


def owned_by_us(version: int) -> Json:
    entry: Json = {"manager": "serinus", "operation": "Update", "fieldsV1": {"f:data": {}}}
    created = config("one", version)
    created["metadata"] = {"resourceVersion": str(version), "managedFields": [entry]}
    return created


def made_ours(version: int) -> Json:
    entry: Json = {"manager": "serinus", "operation": "Apply", "fieldsV1": {"f:data": {}}}
    return {"metadata": {"resourceVersion": str(version), "managedFields": [entry]}}


async def test_apply_of_a_new_object_makes_its_fields_ours(client: KubeClient, wire: Wire) -> None:
    wire.next(f"POST {MAPS}", says(owned_by_us(1), 201))
    wire.next(f"PATCH {MAPS}/one", says(config("one", 2)))
    await client.apply(WANTED, resource_version="")

    assert wire.bodies[1] == made_ours(1)


async def test_a_status_written_to_a_new_object_at_once_does_not_fail_its_apply(
    client: KubeClient, wire: Wire
) -> None:
    wire.next(f"POST {MAPS}", says(owned_by_us(1), 201))
    wire.next(f"PATCH {MAPS}/one", refuses(409, "Conflict", "has been modified", name="one"))
    wire.next(f"GET {MAPS}/one", says(owned_by_us(2)))
    wire.next(f"PATCH {MAPS}/one", says(config("one", 3)))
    await client.apply(WANTED, resource_version="")

    assert made_ours(2) in wire.bodies


async def test_apply_of_a_new_object_that_is_there_conflicts(
    client: KubeClient, wire: Wire
) -> None:
    wire.next(f"POST {MAPS}", refuses(409, "AlreadyExists", "there already", name="one"))
    with pytest.raises(ApplicationError) as refused:
        await client.apply(WANTED, resource_version="")
    assert reason_of(refused.value) is Reason.CONFLICT


async def test_merge_of_a_subresource_goes_to_its_path(client: KubeClient, wire: Wire) -> None:
    wire.next(f"PATCH {MAPS}/one/status", says(config("one", 8)))
    await client.merge(ONE, {"status": {"a": None}}, subresource="status")

    assert wire.content_types == ["application/merge-patch+json"]
    assert wire.bodies == [{"status": {"a": None}}]
    assert client.requests["merge status ConfigMap"] == 1


async def test_delete_names_the_one_that_is_meant(client: KubeClient, wire: Wire) -> None:
    wire.next(f"DELETE {MAPS}/one", says({"status": "Success"}),
              refuses(404, "NotFound", "gone", name="one"),
              refuses(409, "Conflict", "the UID differs", name="one"))  # fmt: skip
    await client.delete(ONE, uid="u", grace=0)
    await client.delete(ONE)
    with pytest.raises(ApplicationError) as refused:
        await client.delete(ONE, uid="u")

    assert wire.bodies[0] == {"propagationPolicy": "Background", "preconditions": {"uid": "u"},
                              "gracePeriodSeconds": 0}  # fmt: skip
    assert reason_of(refused.value) is Reason.CONFLICT


async def test_a_list_is_read_page_by_page(client: KubeClient, wire: Wire) -> None:
    wire.next(f"GET {MAPS}", says(listed([config("one", 1)], 5, "more")),
              says(listed([config("two", 2)], 5)))  # fmt: skip
    found = await client.list("v1", "ConfigMap", "shop", labels="a=b")

    assert [text_at(each, "metadata", "name") for each in found.items] == ["one", "two"]
    assert {text_at(each, "kind") for each in found.items} == {"ConfigMap"}
    assert found.resource_version == "5"
    assert wire.queries[1] == {"labelSelector": "a=b", "limit": "500", "continue": "more"}


async def test_a_list_whose_pages_expire_begins_again(client: KubeClient, wire: Wire) -> None:
    wire.next(f"GET {MAPS}", says(listed([config("one", 1)], 5, "more")),
              refuses(GONE, "Expired", "too old"), says(listed([config("two", 2)], 9)))  # fmt: skip
    found = await client.list("v1", "ConfigMap", "shop")
    assert [text_at(each, "metadata", "name") for each in found.items] == ["two"]


async def test_a_watch_goes_on_over_cuts_expiry_and_a_restart(
    client: KubeClient, wire: Wire
) -> None:
    hold = asyncio.Event()
    wire.next(
        f"GET {MAPS}",
        says(listed([config("one", 1), config("two", 2)], 5)),
        events(event("MODIFIED", "one", 6), event("BOOKMARK", "", 7), cut=True),
        events({"type": "ERROR", "object": {"code": 410, "reason": "Expired"}}),
        refuses(503, "ServiceUnavailable", "starting"),
        says(listed([config("one", 6), config("three", 9)], 10)),
        events(event("DELETED", "three", 11), hold=hold),
    )
    seen: list[tuple[str, str]] = []
    async with aclosing(client.watch("v1", "ConfigMap", "shop")) as changes:
        async for each in changes:
            seen.append((each.change, text_at(each.obj, "metadata", "name")))
            if len(seen) == 7:
                break
    hold.set()

    assert seen == [
        (Change.ADDED, "one"), (Change.ADDED, "two"), (Change.SYNCED, ""),
        (Change.MODIFIED, "one"),
        (Change.ADDED, "three"), (Change.DELETED, "two"), (Change.DELETED, "three"),
    ]  # fmt: skip
    versions = [query["resourceVersion"] for query in wire.queries if "watch" in query]
    assert versions == ["5", "7", "10"]


async def test_a_watch_of_what_is_not_installed_says_so(client: KubeClient) -> None:
    async with aclosing(client.watch("v1", "Unheard")) as changes:
        with pytest.raises(ApplicationError) as refused:
            await anext(changes)
    assert reason_of(refused.value) is Reason.KIND_NOT_INSTALLED


async def test_an_object_of_many_megabytes_is_one_event(client: KubeClient, wire: Wire) -> None:
    hold = asyncio.Event()
    wire.next(f"GET {MAPS}", says(listed([], 5)),
              events(event("ADDED", "one", 6, a="x" * 9_000_000), hold=hold))  # fmt: skip
    async with aclosing(client.watch("v1", "ConfigMap", "shop")) as changes:
        assert (await anext(changes)).change is Change.SYNCED
        seen = await anext(changes)
    hold.set()

    assert len(text_at(seen.obj, "data", "a")) == 9_000_000


async def test_a_restarted_server_is_found_again(tmp_path: Path) -> None:
    wire = Wire()
    async with serving(wire):
        pass  # only for its port
    async with open_cluster(kubeconfig(tmp_path, wire.port)) as client:
        for version in (1, 2):
            with pytest.raises(ApplicationError):
                await client.read(ONE)
            async with serving(wire):
                wire.next(f"GET {MAPS}/one", says(config("one", version)))
                found = await client.read(ONE)
            assert found is not None
            assert text_at(found, "metadata", "resourceVersion") == str(version)


def _body(wire: Wire, at: int) -> Json:
    body = wire.bodies[at]
    assert isinstance(body, dict)
    return body
