"""Flux says that something happened, and the right rollouts are told; played on the real stack."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta

import httpx
import pytest
from pydantic import TypeAdapter
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from tests.integration.conftest import NewScene
from tests.integration.hooks import (
    KEY,
    SECRET,
    a_context,
    a_trigger,
    deliver,
    edit,
    flux_body,
    keep_secret,
    open_hooks,
    past,
    signed,
)
from tests.integration.manifests import HELD, a_canary, a_shop
from tests.integration.patience import eventually, together
from tests.integration.scene import RealStack, Scene
from worker import rollouts
from worker.gateway.receivers.signing import sign
from workflows.model.requests import Outcome
from workflows.model.status import Verb
from workflows.model.trigger import MEMORY

STORM = 1_000
_ORDERS = TypeAdapter(list[dict[str, str]])


def only(answer: httpx.Response) -> dict[str, str]:
    """What became of the one order of a delivery."""
    assert answer.status_code in (200, 202), answer.text
    (order,) = _ORDERS.validate_python(answer.json()["orders"])
    return order


async def test_event_releases_what_changed_and_nothing_twice(scene: Scene) -> None:
    name, stack = scene.name, scene.on
    keep_secret(stack)
    await scene.begin(a_shop(name, "1"), a_canary(name), a_trigger(name, "submit"))
    async with scene.users(), open_hooks(a_context(stack)) as http:
        assert only(await deliver(http, flux_body(name)))["state"] == "not-told"
        await edit(scene, a_shop(name, "2"))
        body = flux_body(name)
        only(await deliver(http, body))
        before = await past(scene, 2)
    async with open_hooks(a_context(stack)) as restarted:
        again = await deliver(restarted, body)
        assert (again.status_code, only(again)["state"]) == (200, "duplicate")
        assert only(await deliver(restarted, flux_body(name)))["state"] == "not-told"
    assert await scene.history() == before == [Outcome.INITIALISED, Outcome.PROMOTED]


async def test_event_never_releases_again_what_failed_or_was_undone(new_scene: NewScene) -> None:
    async def failed() -> None:
        scene = new_scene()
        name, stack = scene.name, scene.on
        keep_secret(stack)
        analysis = {"interval": HELD}
        await scene.begin(
            a_shop(name, "1"), a_canary(name, analysis=analysis), a_trigger(name, "submit")
        )
        async with scene.users(), open_hooks(a_context(stack)) as http:
            await edit(scene, a_shop(name, "2"))
            await deliver(http, flux_body(name))
            await eventually(lambda: is_running(scene), "the event released it")
            await scene.at("weight-20")
            await scene.tell(Verb.ABORT)
            assert (await past(scene, 2))[-1] is Outcome.ROLLED_BACK
            run = (await scene.status()).run_id
            answer = only(await deliver(http, flux_body(name)))
            assert (answer["state"], "looked at already" in answer["words"]) == ("not-told", True)
            assert (await scene.status()).run_id == run
            assert len(await scene.history()) == 2

    async def undone() -> None:
        scene = new_scene()
        name, stack = scene.name, scene.on
        keep_secret(stack)
        await scene.begin(a_shop(name, "1"), a_canary(name), a_trigger(name, "submit"))
        async with scene.users(), open_hooks(a_context(stack)) as http:
            await scene.apply(a_shop(name, "2"))
            await past(scene, 2)
            await rollouts.release_previous(stack.client, scene.slot, "ana", "")
            await past(scene, 3)
            assert await scene.versions() == {"1"}
            answer = only(await deliver(http, flux_body(name)))
            assert answer["state"] == "not-told", answer
            assert len(await scene.history()) == 3

    await together(failed(), undone())


async def is_running(scene: Scene) -> bool:
    return await rollouts.is_running(scene.on.client, scene.slot)


async def test_events_hold_resume_and_abort_the_rollout_they_are_about(scene: Scene) -> None:
    name, stack = scene.name, scene.on
    keep_secret(stack)
    match = {"hold": "DriftDetected", "resume": "RollbackSucceeded", "abort": "HealthCheckFailed"}
    triggers = [a_trigger(name, action, match=[{"name": [name], "reason": [reason]}])
                for action, reason in match.items()]  # fmt: skip
    before_all = time.time()
    await scene.begin(a_shop(name, "1"), a_canary(name, analysis={"interval": HELD}), *triggers)
    async with scene.users(), open_hooks(a_context(stack)) as http:
        for reason in match.values():
            idle = only(await deliver(http, flux_body(name, reason)))
            assert (idle["state"], idle["words"]) == ("not-told", "nothing is running")
        await scene.apply(a_shop(name, "2"))
        await scene.at("weight-20")
        early = only(await deliver(http, flux_body(name, match["abort"], before_all - 60)))
        assert "began after this event" in early["words"]
        assert only(await deliver(http, flux_body(name, match["hold"])))["state"] == "told"
        assert (await scene.status()).paused
        again = only(await deliver(http, flux_body(name, match["hold"])))
        assert (again["state"], "cannot pause" in again["words"]) == ("not-told", True)
        assert only(await deliver(http, flux_body(name, match["resume"])))["state"] == "told"
        assert not (await scene.status()).paused
        body = flux_body(name, match["abort"])
        assert only(await deliver(http, body))["state"] == "told"
        assert (await past(scene, 2))[-1] is Outcome.ROLLED_BACK
        await scene.apply(a_shop(name, "3"))
        await scene.at("weight-20")
        assert only(await deliver(http, body))["state"] == "duplicate"
        status = await scene.status()
        assert status.outcome is None
        entry = next(each for each in status.entries)
        assert entry.action == "start"


async def test_storm_of_events_makes_one_rollout(scene: Scene) -> None:
    name, stack = scene.name, scene.on
    keep_secret(stack)
    await scene.begin(a_shop(name, "1"), a_canary(name), a_trigger(name, "submit"))
    await edit(scene, a_shop(name, "2"))
    bodies = [flux_body(name) for _ in range(STORM)]
    async with scene.users(), open_hooks(a_context(stack)) as http:
        begun = time.monotonic()
        storm = [asyncio.create_task(deliver(http, body)) for body in (*bodies, *bodies[::-1])]
        answers = await asyncio.gather(*storm)
        took = time.monotonic() - begun
    assert {answer.status_code for answer in answers} <= {200, 202}
    ended = await past(scene, 2)
    assert ended == [Outcome.INITIALISED, Outcome.PROMOTED]
    looks = await stack.client.count_workflows(
        f'WorkflowType="Delivery" AND WorkflowId STARTS_WITH "delivery/local/default/{name}/"'
    )
    assert looks.count <= took + 5, f"{looks.count} looks in {took:.1f} s"


async def test_what_can_never_work_is_refused_with_a_reason(scene: Scene) -> None:
    name, stack = scene.name, scene.on
    keep_secret(stack)
    await scene.apply(a_trigger(name, "submit"))
    body = flux_body(name)
    old = flux_body(name, at=time.time() - 13 * 3600)
    ahead = flux_body(name, at=time.time() + 3600)
    wrong = {"X-Signature": sign(b"another key", body)}
    cases: dict[str, tuple[str, bytes, Mapping[str, str], int]] = {
        "unknown receiver": ("/hooks/flux/nobody", body, signed(body), 404),
        "another sender": ("/hooks/plain/flux", body, signed(body), 404),
        "no signature": ("/hooks/flux/flux", body, {}, 401),
        "wrong key": ("/hooks/flux/flux", body, wrong, 401),
        "not JSON": ("/hooks/flux/flux", b"{", signed(b"{"), 400),
        "no event": ("/hooks/flux/flux", b"{}", signed(b"{}"), 422),
        "too old": ("/hooks/flux/flux", old, signed(old), 409),
        "from the future": ("/hooks/flux/flux", ahead, signed(ahead), 422),
    }
    async with open_hooks(a_context(stack)) as http:
        for what, (path, content, headers, status) in cases.items():
            answer = await http.post(path, content=content, headers=headers)
            assert answer.status_code == status, f"{what}: {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json", what
            assert answer.json()["status"] == status
        large = await http.post("/hooks/flux/flux", content=chunks(), headers={})
        assert large.status_code == 413
        unmatched = await deliver(http, body)
        assert (unmatched.status_code, unmatched.json()["orders"]) == (200, [])


async def test_deliveries_are_known_as_long_as_they_are_accepted(stack: RealStack) -> None:
    asked = DescribeNamespaceRequest(namespace=stack.client.namespace)
    found = await stack.client.workflow_service.describe_namespace(asked)
    kept = found.config.workflow_execution_retention_ttl.ToTimedelta()
    assert kept >= MEMORY + timedelta(hours=1)


async def chunks() -> AsyncGenerator[bytes]:
    """One byte more than is read, without saying beforehand how many."""
    for _ in range(3):
        yield b" " * 1024 * 1024
    yield b" "


async def test_a_missing_key_is_trouble_and_no_verdict(scene: Scene) -> None:
    receiver = {"type": "flux", "name": "keyless", "secretRef": {"name": "gone"}}
    await scene.apply(a_trigger(scene.name, "submit", receiver=receiver))
    async with open_hooks(a_context(scene.on)) as http:
        answer = await deliver(http, flux_body(scene.name), "keyless")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "gone" not in answer.text


async def test_ci_submits_by_a_plain_hook_and_by_cloud_events(scene: Scene) -> None:
    name, stack = scene.name, scene.on
    keep_secret(stack)
    same = {"fromObject": "same"}
    plain = {"type": "plain", "name": "ci", "proof": "bearer", "secretRef": {"name": SECRET}}
    events = {"type": "cloudevents", "name": "ci", "secretRef": {"name": SECRET}}
    await scene.begin(
        a_shop(name, "1"),
        a_canary(name),
        a_trigger(name, "submit", receiver=plain, targets=same, match=[]),
    )
    await scene.apply(a_trigger(f"{name}-ce", "submit", receiver=events, targets=same, match=[]))
    async with scene.users(), open_hooks(a_context(stack)) as http:
        await edit(scene, a_shop(name, "2"))
        said = {"namespace": "default", "name": name, "revision": "build-812"}
        token = {"Authorization": f"Bearer {KEY.decode().strip()}"}
        only(await http.post("/hooks/plain/ci", json=said, headers=token))
        await past(scene, 2)
        await edit(scene, a_shop(name, "3"))
        event = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "dev.ci.applied",
                 "subject": f"default/{name}"}  # fmt: skip
        body = json.dumps(event).encode()
        headers = {**signed(body), "Content-Type": "application/cloudevents+json"}
        only(await http.post("/hooks/cloudevents/ci", content=body, headers=headers))
        ended = await past(scene, 3)
        again = await http.post("/hooks/cloudevents/ci", content=body, headers=headers)
        assert only(again)["state"] == "duplicate"
    assert ended == [Outcome.INITIALISED, Outcome.PROMOTED, Outcome.PROMOTED]
    assert await scene.versions() == {"3"}


@pytest.mark.parametrize("key", [b"the old key", b"the new key"])
async def test_rotated_keys_are_heard_without_a_restart(stack: RealStack, key: bytes) -> None:
    folder = stack.home.root / "secrets" / "default" / "rotating"
    folder.mkdir(parents=True, exist_ok=True)
    receiver = {"type": "flux", "name": "rotating", "keys": ["token", "next"],
                "secretRef": {"name": "rotating"}}  # fmt: skip
    scene = stack.new_scene()
    await scene.apply(a_trigger(scene.name, "submit", receiver=receiver))
    async with open_hooks(a_context(stack)) as http:
        body = flux_body(scene.name)
        headers = {"X-Signature": sign(key, body)}
        (folder / "token").write_bytes(b"another key")
        (folder / "next").unlink(missing_ok=True)
        refused = await http.post("/hooks/flux/rotating", content=body, headers=headers)
        (folder / "next").write_bytes(key)
        taken = await http.post("/hooks/flux/rotating", content=body, headers=headers)
    assert (refused.status_code, taken.status_code) == (401, 200)
