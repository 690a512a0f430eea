"""docs/temporal.md: every line of it is typed, answers as it says, and does what it says."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from tests.fakes_observe import HookReceiver
from tests.integration.manifests import a_canary, a_hook, a_policy, a_shop
from tests.integration.patience import eventually
from tests.integration.scene import Scene
from tests.integration.test_temporal_cli import GATE, is_cancelled, start, typed
from worker.applying import Applier
from workflows.errors import Reason
from workflows.model.requests import Outcome
from workflows.model.status import Verb

PAGE = Path(__file__).parents[2] / "docs" / "temporal.md"
_BLOCK = re.compile(
    r"^```sh\n(?P<line>[^`]+)\n```\n(?:\n```text\n(?P<answer>.*?)\n```\n)?",
    re.MULTILINE | re.DOTALL,
)
ADDRESS = "export TEMPORAL_ADDRESS=127.0.0.1:7233"


@dataclass(frozen=True)
class Line:
    """A line of the page and what it shows as its answer."""

    typed: str
    answer: str

    def about(self, name: str) -> "Line":
        """The same about another target than `shop`."""
        return Line(_renamed(self.typed, name), _renamed(self.answer, name))

    def is_answered_by(self, said: str) -> bool:
        wanted = "".join(
            ".*" if part == "…" else re.sub(r"\\? +", r"\\s+", re.escape(part))
            for part in re.split("(…)", self.answer)
        )
        return re.search(wanted, said, re.DOTALL) is not None


def _renamed(text: str, name: str) -> str:
    return text.replace("default/shop", f"default/{name}").replace('"shop"', f'"{name}"')


LINES = [Line(found["line"], found["answer"] or "") for found in _BLOCK.finditer(PAGE.read_text())]


@dataclass(frozen=True)
class Set:
    """Where a line is typed: a target with a gate, users, and a receiver of undo hooks."""

    scene: Scene
    receiver: HookReceiver

    async def resting(self) -> None:
        """v1 is promoted; v2 is applied, and nobody was told."""
        await asyncio.to_thread(Applier(self.scene.on.home).apply, [a_shop(self.scene.name, "v2")])

    async def waiting(self) -> None:
        await start(self.scene, "v2")
        await self.scene.waits_at(GATE)

    async def paused(self) -> None:
        await self.waiting()
        await self.scene.tell(Verb.PAUSE)

    async def restoring(self) -> None:
        """An undo hook is owed, and fails."""
        self.receiver.at("/undo", *(web.Response(status=500) for _ in range(10_000)))
        await self.waiting()
        await self.scene.tell(Verb.ABORT)
        await self.scene.until(lambda seen: Verb.SKIP in seen.allowed)

    async def promoted(self) -> None:
        await self.scene.turn_gate("open")
        await start(self.scene, "v2")
        await self.scene.ends(Outcome.PROMOTED)


Before = Callable[[Set], Awaitable[None]]
After = Callable[[Scene], Awaitable[None]]


async def asked(scene: Scene) -> None:
    """A question changes nothing."""
    status = await scene.status()
    assert status.waiting is not None
    assert not status.paused


async def waits(scene: Scene) -> None:
    status = await scene.waits_at(GATE)
    assert status.entries[0].actor in {"ana", "ci"}


async def promotes(scene: Scene) -> None:
    await scene.ends(Outcome.PROMOTED)
    assert "ana" in [entry.actor for entry in (await scene.status()).entries]
    await scene.assert_restored("v2")


def taken_back(reason: Reason) -> After:
    async def check(scene: Scene) -> None:
        await scene.ends(Outcome.ROLLED_BACK, reason)
        await scene.assert_restored("v1")

    return check


async def cancelled(scene: Scene) -> None:
    await eventually(lambda: is_cancelled(scene), "the rollout is cancelled")
    assert (await scene.status()).reason is Reason.CANCELLED
    await scene.assert_restored("v1")


async def stays(scene: Scene) -> None:
    assert (await scene.status()).paused


async def goes_on(scene: Scene) -> None:
    assert not (await scene.status()).paused


async def looks_again(scene: Scene) -> None:
    status = await scene.status()
    assert status.waiting is not None
    assert ("ci", "submit") in [(entry.actor, entry.action) for entry in status.entries]


async def releases_the_one_before(scene: Scene) -> None:
    await scene.ends(Outcome.PROMOTED)
    assert await scene.versions() == {"v1"}


SCENES: tuple[tuple[str, Before, After], ...] = (
    ('"previous":true', Set.promoted, releases_the_one_before),
    ("--update-name submit", Set.resting, waits),
    ("workflow start ", Set.resting, waits),
    ("--name approve", Set.waiting, promotes),
    ("--name reject", Set.waiting, taken_back(Reason.REJECTED)),
    ("--name pause", Set.waiting, stays),
    ("--name resume", Set.paused, goes_on),
    ("--name promote", Set.waiting, promotes),
    ("--name abort", Set.waiting, taken_back(Reason.ABORTED)),
    ("--name skip", Set.restoring, taken_back(Reason.ABORTED)),
    ("--name submit", Set.waiting, looks_again),
    ("workflow cancel", Set.waiting, cancelled),
    ("workflow query", Set.waiting, asked),
    ("workflow metadata", Set.waiting, asked),
    ("workflow describe", Set.waiting, asked),
    ("workflow list", Set.waiting, asked),
    ("workflow count", Set.waiting, asked),
)
"""By what is in a line: where it is typed, and what is so afterwards."""


@asynccontextmanager
async def open_set(scene: Scene, receiver: HookReceiver) -> AsyncGenerator[Set]:
    gate = a_hook("ask", GATE, f"{scene.on.ports.loadtester_url}/gate/check")
    undo = {"name": "drain", "after": "weight-50", "url": f"{receiver.url}/undo"}
    analysis = {"stepWeights": [50], "webhooks": [gate]}
    await scene.begin(
        a_canary(scene.name, analysis=analysis),
        a_policy(scene.name, undo=[undo]),
        a_shop(scene.name, "v1"),
    )
    async with scene.users():
        yield Set(scene, receiver)


@pytest.mark.parametrize("line", LINES[1:], ids=lambda line: line.typed[9:70])
async def test_a_line_of_the_page_answers_and_does_as_it_says(
    line: Line, scene: Scene, receiver: HookReceiver
) -> None:
    before, after = next((here, then) for part, here, then in SCENES if part in line.typed)
    async with open_set(scene, receiver) as stage:
        await before(stage)
        mine = line.about(scene.name)
        said = await typed(scene.on, mine.typed)
        if " list " in mine.typed or " count " in mine.typed:
            await eventually(lambda: lists(scene, mine), f"visibility knows: {mine.typed}")
        else:
            assert mine.is_answered_by(said), f"{mine.answer}\n--- but:\n{said}"
        await after(scene)


async def lists(scene: Scene, line: Line) -> bool:
    return line.is_answered_by(await typed(scene.on, line.typed))


def test_the_page_has_a_line_for_every_order_and_every_line_an_answer() -> None:
    assert LINES[0].typed == ADDRESS
    for verb in Verb:
        assert [line for line in LINES if f"--name {verb} " in line.typed], verb
    assert all(line.answer for line in LINES[1:])
    assert len(LINES) == PAGE.read_text().count("```sh")
