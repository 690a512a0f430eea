"""People approve and reject at the buttons of a Slack alert; played on the real stack."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx

from activities.local.ports import LOOPBACK
from tests.fakes_observe import HookReceiver
from tests.integration.conftest import NewScene
from tests.integration.manifests import a_canary, a_hook, a_policy, a_shop
from tests.integration.patience import eventually, together
from tests.integration.scene import RealStack, Scene
from worker.gateway.app import build
from worker.gateway.opening import open_context
from worker.gateway.receivers.slack_press import slack_signature
from worker.gateway.serving import served
from worker.gateway.settings import GatewaySettings, SlackSettings
from workflows.model.buttons import Gate, buttons_block
from workflows.model.identity import Slot
from workflows.model.requests import Outcome
from workflows.model.status import Verb

SECRET = b"8f742231b10e8888abcd99yyyzzz85a5"
PEOPLE = """
U01ANA: {name: ana, groups: [shop-team]}
U02BEN: {name: ben}
"""
ROLES = """
bindings:
  - {role: approver, groups: [shop-team]}
  - {role: viewer, people: [ben]}
"""
GATE = "confirm-rollout"
SLACK_WAITS = 3.0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Slack:
    """The app in which people press, and what it shows them."""

    http: httpx.AsyncClient
    url: str
    shown: HookReceiver

    async def press(self, user: str, verb: Verb, slot: Slot, step: str, run: str = "") -> str:
        """Press a button of an alert; what the one who pressed is shown."""
        (block,) = [buttons_block(Gate.of(slot, step, run))]
        elements = block["elements"]
        assert isinstance(elements, list)
        (button,) = [each for each in elements if isinstance(each, dict)
                     and each["action_id"] == f"serinus.{verb}"]  # fmt: skip
        path = f"/{user}/{next(_numbers)}"
        payload = {"type": "block_actions", "user": {"id": user, "username": "whoever"},
                   "actions": [button], "response_url": self.shown.url + path}  # fmt: skip
        begun = time.monotonic()
        answer = await self.post(payload)
        assert answer.status_code == 200, answer.text
        assert time.monotonic() - begun < SLACK_WAITS

        async def is_shown() -> bool:
            return any(each.path == path for each in self.shown.received)

        await eventually(is_shown, "the one who pressed is answered")
        (said,) = [each.payload for each in self.shown.received if each.path == path]
        assert said["response_type"] == "ephemeral"
        return str(said["text"])

    async def post(
        self, payload: object, at: float | None = None, secret: bytes = SECRET
    ) -> httpx.Response:
        body = urlencode({"payload": json.dumps(payload)}).encode()
        stamp = str(int(time.time() if at is None else at))
        headers = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": slack_signature(secret, stamp, body),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return await self.http.post(f"{self.url}/hooks/slack", content=body, headers=headers)


@asynccontextmanager
async def a_slack(stack: RealStack, receiver: HookReceiver, home: Path) -> AsyncGenerator[Slack]:
    files = {"secret": SECRET + b"\n", "people": PEOPLE.encode(), "roles": ROLES.encode()}
    for name, content in files.items():
        (home / name).write_bytes(content)
    settings = GatewaySettings(
        port=0,
        roles=home / "roles",
        slack=SlackSettings(signing_secret_file=home / "secret", people_file=home / "people"),
    )
    context = await asyncio.to_thread(open_context, stack.settings, settings, stack.client)
    async with served(build(context), settings) as port:
        yield Slack(stack.http, f"http://{LOOPBACK}:{port}", receiver)


async def waiting(scene: Scene) -> str:
    """A rollout that waits for people whose identity is proven; its run."""
    check = f"{scene.on.ports.loadtester_url}/gate/check"
    analysis = {"webhooks": [a_hook("ask", GATE, check)]}
    gates = [{"at": GATE, "groups": ["shop-team"], "proven": True}]
    await scene.begin(
        a_canary(scene.name, analysis=analysis),
        a_shop(scene.name, "1"),
        a_policy(scene.name, gates=gates),
    )
    await scene.apply(a_shop(scene.name, "2"))
    return (await scene.waits_at(GATE)).run_id


async def test_a_person_of_slack_approves_and_rejects_as_who_they_are(
    new_scene: NewScene, stack: RealStack, receiver: HookReceiver, tmp_path: Path
) -> None:
    async def approve(slack: Slack) -> None:
        scene = new_scene()
        async with scene.users():
            run = await waiting(scene)
            words = await slack.press("U01ANA", Verb.APPROVE, scene.slot, GATE, run)
            assert "approve" in words, words
            assert "ana" in words, words
            await scene.ends(Outcome.PROMOTED)
            late = await slack.press("U01ANA", Verb.APPROVE, scene.slot, GATE, run)
            assert late.startswith("Nothing was changed"), late

    async def reject(slack: Slack) -> None:
        scene = new_scene()
        run = await waiting(scene)
        await slack.press("U01ANA", Verb.REJECT, scene.slot, GATE, run)
        result = await scene.result()
        assert (result.outcome, "ana" in result.message) == (Outcome.ROLLED_BACK, True), result

    async with a_slack(stack, receiver, tmp_path) as slack:
        await together(approve(slack), reject(slack))


async def test_a_press_that_may_not_count_changes_nothing_and_says_why(
    scene: Scene, stack: RealStack, receiver: HookReceiver, tmp_path: Path
) -> None:
    async with a_slack(stack, receiver, tmp_path) as slack:
        old = await waiting(scene)
        stranger = await slack.press("U03EVE", Verb.APPROVE, scene.slot, GATE, old)
        assert "U03EVE" in stranger
        viewer = await slack.press("U02BEN", Verb.APPROVE, scene.slot, GATE, old)
        assert "approver" in viewer
        stale = await slack.press("U01ANA", Verb.APPROVE, scene.slot, "confirm-promotion", old)
        assert "confirm-promotion" in stale
        assert (await scene.status()).waiting is not None
        await scene.apply(a_shop(scene.name, "3"))
        await scene.until(lambda seen: seen.run_id != old and seen.waiting is not None)
        earlier = await slack.press("U01ANA", Verb.APPROVE, scene.slot, GATE, old)
        assert "earlier rollout" in earlier
        assert (await scene.status()).waiting is not None


async def test_only_slack_is_heard_and_only_within_five_minutes(
    stack: RealStack, receiver: HookReceiver, tmp_path: Path
) -> None:
    payload = {"type": "block_actions", "user": {"id": "U01ANA"}}
    async with a_slack(stack, receiver, tmp_path) as slack:
        assert (await slack.post(payload)).status_code == 200
        assert (await slack.post(payload, secret=b"another")).status_code == 401
        for ago in (-310, 310):
            assert (await slack.post(payload, at=time.time() - ago)).status_code == 401
        assert (await slack.post({"type": "block_actions"})).status_code == 422
        url = f"{slack.url}/hooks/slack"
        assert (await slack.http.post(url, content=b"payload=1")).status_code == 401
    assert not receiver.received
