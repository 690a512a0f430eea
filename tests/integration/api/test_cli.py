"""`serinus --server`: the same words, the same output, the same exit codes as without."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from activities.manifests import dump
from tests.integration.api.gateway import ADMIN, RealGateway
from tests.integration.api.targets import GATES, waiting
from tests.integration.manifests import a_canary, a_hook, a_shop
from tests.integration.scene import Scene
from workflows.errors import Reason
from workflows.model.requests import Outcome

pytestmark = pytest.mark.timeout(600)

BAD = (
    "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: x}\nspec: {analysis: {a: 1}}\n"
)


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Runs `serinus` in the home of a stack: with Temporal, or by a gateway as one person."""

    scene: Scene
    gateway: RealGateway

    async def direct(self, *words: str) -> Said:
        return await self._run({"SERINUS_STACK_ONLY": "true"}, words)

    async def remote(self, *words: str, person: str = ADMIN) -> Said:
        """Without the home: nothing but the URL and the token."""
        token = {"SERINUS_TOKEN": self.gateway.tokens[person], "SERINUS_HOME": "/nonexistent"}
        return await self._run(token, (*words, "--server", self.gateway.url))

    async def same(self, *words: str) -> Said:
        """The same both ways."""
        direct, remote = await asyncio.gather(self.direct(*words), self.remote(*words))
        assert remote == direct, words
        return direct

    async def _run(self, more: dict[str, str], words: tuple[str, ...]) -> Said:
        home = {"SERINUS_HOME": str(self.scene.on.settings.home)}
        set_there = (f"{name}={value}" for name, value in {**home, **more}.items())
        process = await asyncio.create_subprocess_exec(
            "env",
            *set_there,
            sys.executable,
            "-m",
            "worker",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Said(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def shell(scene: Scene, gateway: RealGateway) -> Shell:
    return Shell(scene, gateway)


async def test_every_look_is_the_same(shell: Shell, scene: Scene, tmp_path: Path) -> None:
    name = scene.name
    await scene.begin(a_canary(name), a_shop(name, "v1"))
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(f"{dump(a_canary(name))}---\n{dump(a_shop(name, 'v3'))}")
    bad.write_text(BAD)
    assert (await shell.same("status", name, "-o", "json")).code == 0
    assert name in (await shell.same("list", "-o", "json")).out
    assert "initialised" in (await shell.same("history", name)).out
    await shell.same("history", name, "-o", "json")
    assert name in (await shell.same("get")).out
    await shell.same("get", "canary", name, "-o", "yaml")
    assert (await shell.same("get", "process", "nobody")).code == 1
    await shell.same("plan", str(good))
    await shell.same("plan", str(good), "-o", "json")
    refused = await shell.same("plan", str(good), str(bad))
    assert (refused.code, "bad.yaml:4" in refused.err) == (1, True)
    assert (await shell.same("resume", name)).code == 1


async def test_a_release_from_apply_to_undo(shell: Shell, scene: Scene, tmp_path: Path) -> None:
    name = scene.name
    check = f"{scene.on.ports.loadtester_url}/gate/check"
    gates = [a_hook(kind, kind, check) for kind in GATES]
    canary = tmp_path / "canary.yaml"
    canary.write_text(dump(a_canary(name, analysis={"metrics": [], "webhooks": gates})))
    for version in ("v1", "v2"):
        (tmp_path / f"{version}.yaml").write_text(dump(a_shop(name, version)))
    first = await shell.remote("apply", "-f", str(canary), "-f", str(tmp_path / "v1.yaml"))
    assert first.code == 0, first
    await scene.ends(Outcome.INITIALISED)
    second = await shell.remote("apply", "-f", str(tmp_path / "v2.yaml"))
    assert f"Process default/{name} applied" in second.out
    await scene.waits_at("confirm-rollout")
    early = await shell.remote("approve", name, "--step", "confirm-promotion")
    assert (early.code, "is not waiting" in early.err) == (1, True)
    following = asyncio.create_task(shell.remote("status", name, "-w"))
    approved = await shell.remote("approve", name, "--comment", "go", person="approver-own")
    assert approved.code == 0, approved
    await scene.waits_at("confirm-promotion")
    assert (await shell.remote("approve", name)).code == 0
    watched = await following
    assert (watched.code, "promoted" in watched.out) == (0, True), watched
    assert "approver-own: approve" in watched.out
    undone = await shell.remote("undo", name, "--reason", "worse")
    assert "the previous revision goes out again" in undone.out, undone
    await scene.waits_at("confirm-rollout")
    rejected = await shell.remote("reject", name, "--comment", "no")
    assert rejected.code == 0
    await scene.ends(Outcome.ROLLED_BACK, Reason.REJECTED)
    deleted = await shell.remote("delete", "canary", name, "--wait")
    assert deleted.code == 0, deleted


async def test_what_a_server_refuses_is_said_in_one_line(shell: Shell, scene: Scene) -> None:
    await waiting(scene)
    low = await shell.remote("abort", scene.name, person="viewer-own")
    assert (low.code, low.err) == (
        1,
        f"serinus: to abort default/{scene.name} takes the role operator\n",
    )
    foreign = await shell.remote("status", scene.name, person="admin-foreign")
    assert (foreign.code, "there is no target" in foreign.err) == (1, True)
    named = await shell.remote("pause", scene.name, "--by", "ben")
    assert (named.code, "the token" in named.err) == (1, True)
    nobody = await shell.direct("list", "--server", shell.gateway.url)
    assert (nobody.code, "SERINUS_TOKEN" in nobody.err) == (1, True)
    away = await shell.direct("list", "--server", "http://127.0.0.1:9")
    assert (away.code, "does not answer" in away.err) == (1, True)
