"""Plays a script of releases and faults on a cluster of its own, and judges what comes of it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from pydantic import JsonValue

from activities.kube.objects import KubeObject, int_at, list_at, map_at, maps_at, text_at
from tests.cluster.chaos.audited import audited
from tests.cluster.chaos.faults import Faults, insisting
from tests.cluster.chaos.leftovers import leftovers
from tests.cluster.chaos.observing import Observed, Ticks, observing
from tests.cluster.chaos.script import Fault, Release, script
from tests.cluster.chaos.table import Played, Report
from tests.cluster.scenes import shop
from tests.cluster.scenes.engine import PARTS, Engine, engine, eventually
from tests.cluster.session import Cluster, cluster
from tests.fakes_observe import HookReceiver, hook_receiver
from worker.stack.users import Seen, Users
from workflows.model.revision import target_revision

CRDS = Path(__file__).parents[3] / "deploy" / "crds"
NAMESPACE = "chaos"
SHOPS = 3
RATE = 25.0
PATIENCE = 150.0
FINAL = {"Succeeded": "promoted", "Failed": "restored"}
HURTS_CANARIES = frozenset({Fault.PODS, Fault.DATA_PLANE, Fault.HAND})
"""What makes a good canary look bad: to take it back is right, and a person tries it again."""
SPOILT = "500"
"""What a bad version answers; anything else that is no page was lost."""
SETTINGS = {"SERINUS_NAMESPACES": NAMESPACE, "SERINUS_INTERVAL_FLOOR": "1", "SERINUS_DRAIN": "2"}
CANARY = ("flagger.app/v1beta1", "Canary")
ROUTES = ("traefik.io/v1alpha1", "TraefikService")
Tell = Callable[[str], None]


async def play(releases: int, seed: int, home: Path, tell: Tell) -> Report:
    """Everything, from an empty cluster to an empty namespace."""
    rounds = script(releases, seed, SHOPS)
    names = sorted({release.shop for release in rounds[0]})
    async with cluster() as running, hook_receiver() as receiver:
        await _made_ready(running, receiver, names)
        log = home / "audit.jsonl"
        settings = {**SETTINGS, "SERINUS_AUDIT_LOG": str(log)}
        async with engine(running, home, more=settings) as started:
            for name in names:
                await eventually(running, NAMESPACE, name, "Initialized")
            tell(f"{len(names)} shops are initialised; seed {seed}")
            async with _staged(running, started, names) as stage:
                for each in rounds:
                    await stage.round(each, tell)
                await stage.judge(receiver)
            stage.report.audited = await audited(log, releases + len(names))
            stage.report.wrong += await leftovers(running, started, NAMESPACE, names)
    stage.report.wrong += [f"audit log: {each}" for each in stage.report.audited.wrong]
    return stage.report


async def _made_ready(running: Cluster, receiver: HookReceiver, names: Sequence[str]) -> None:
    for path in sorted(CRDS.glob("*.*.yaml")):
        await running.apply(path.read_text())
    await running.namespace(NAMESPACE)
    for name in names:
        hook: JsonValue = {"name": "load", "type": "rollout", "url": receiver.at(f"/{name}")}
        check: JsonValue = {
            "name": "request-success-rate",
            "thresholdRange": {"min": 90},
            "interval": "5s",
        }
        analysis: Mapping[str, JsonValue] = {
            "interval": "2s",
            "threshold": 5,
            "stepWeights": [10, 30, 50],
            "metrics": [check],
            "webhooks": [hook],
        }
        await running.apply(
            [
                shop.deployment(NAMESPACE, "v0", name=name, replicas=1),
                shop.ingress_route(NAMESPACE, f"{name}.test", name=name),
                shop.canary(NAMESPACE, "traefik", analysis, name=name),
            ],
            NAMESPACE,
        )


@asynccontextmanager
async def _staged(
    running: Cluster, started: Engine, names: Sequence[str]
) -> AsyncGenerator["Stage"]:
    async with AsyncExitStack() as stack:
        observed = await stack.enter_async_context(observing(running, NAMESPACE))
        users = {
            name: await stack.enter_async_context(Users(running.ingress_url, f"{name}.test", RATE))
            for name in names
        }
        yield Stage(running, started, observed, users, dict.fromkeys(names, "v0"), Report())


@dataclass
class Stage:
    """`promoted` is the version each shop's users have."""

    cluster: Cluster
    engine: Engine
    observed: Observed
    users: Mapping[str, Users]
    promoted: dict[str, str]
    report: Report

    def __post_init__(self) -> None:
        self._faults = Faults(
            self.cluster, self.engine, NAMESPACE, self.observed, self._edit, self._lost
        )
        self.report.cost = self._faults.cost

    async def round(self, releases: Sequence[Release], tell: Tell) -> None:
        for played in await asyncio.gather(*(self._play(each) for each in releases)):
            self.report.played.append(played)
            tell(str(played))
        for part in PARTS:
            process = self.engine.running.get(part)
            if process is None or process.returncode is not None:
                self.report.wrong.append(f"{part} is gone: {process}")
                await self.engine.start(part)

    async def judge(self, receiver: HookReceiver) -> None:
        """What has to hold of the run as a whole."""
        report, observed = self.report, self.observed
        ticks = Ticks([each.key for each in receiver.received])
        seen = [users.seen() for users in self.users.values()]
        report.sent, report.lost = sum(each.sent for each in seen), sum(map(lost, seen))
        report.versions = len(observed.weights)
        report.hooks, report.repeated = len(ticks.keys), ticks.repeated
        report.wrong += [f"routes {each}" for each in observed.wrong()]
        report.wrong += [f"no serving primary: {each}" for each in observed.unserved]
        report.wrong += [f"called again: {key}" for key in ticks.again_after_completion()]

    async def _play(self, release: Release) -> Played:
        began, before = monotonic(), self.users[release.shop].seen()
        await self._apply(release, release.version)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._faults.strike(release)
                outcome, why = await self._ended(release)
        except TimeoutError:
            outcome, why = "stuck", await self._standing(release)
        took = monotonic() - began
        seen = self.users[release.shop].seen().since(before)
        exposed = self.observed.exposed(release.shop, began)
        played = Played(release, outcome, took, exposed, seen.sent, lost(seen), why)
        self._expect(played)
        return played

    async def _ended(self, release: Release) -> tuple[str, str]:
        """A good release that its fault made look bad is tried once more, as people do."""
        outcome, why = await self._settled(release)
        if release.good and outcome == "restored" and release.fault in HURTS_CANARIES:
            await self._apply(release, f"{release.version}-again")
            outcome, more = await self._settled(release)
            outcome, why = f"restarted and {outcome}", f"{why}; {more}"
        await self._check_standing(release, outcome)
        return outcome, why

    async def _settled(self, release: Release) -> tuple[str, str]:
        while True:
            target = await self._get("apps/v1", "Deployment", release.shop)
            status = map_at(await self._get(*CANARY, release.shop), "status")
            phase = text_at(status, "phase")
            if status.get("lastAppliedSpec") == target_revision(target, {}) and phase in FINAL:
                conditions = maps_at(status, "conditions")
                return FINAL[phase], next((text_at(each, "message") for each in conditions), "")
            await asyncio.sleep(0.2)

    async def _check_standing(self, release: Release, outcome: str) -> None:
        """The primary runs what was promoted last, alone, and the canary is at rest."""
        name = release.shop
        target = await self._get("apps/v1", "Deployment", name)
        if outcome.endswith("promoted"):
            self.promoted[name] = _version(target)
        primary = _version(await self._get("apps/v1", "Deployment", f"{name}-primary"))
        if primary != self.promoted[name]:
            self._wrong(release, f"the primary runs {primary}, not {self.promoted[name]}")
        if copies := int_at(target, "spec", "replicas"):
            self._wrong(release, f"{copies} copies of the canary are left")
        routes = maps_at(await self._get(*ROUTES, name), "spec", "weighted", "services")
        if [(text_at(each, "name"), each.get("weight")) for each in routes] != [
            (f"{name}-primary", 100)
        ]:
            self._wrong(release, f"users are not with the primary: {routes}")

    def _expect(self, played: Played) -> None:
        wanted = "promoted" if played.release.good else "restored"
        if not played.outcome.endswith(wanted):
            self._wrong(played.release, f"{played.outcome}, not {wanted}: {played.why}")

    def _lost(self) -> int:
        return sum(lost(users.seen()) for users in self.users.values())

    def _wrong(self, release: Release, what: str) -> None:
        self.report.wrong.append(f"{release.shop} {release.version} ({release.fault}): {what}")

    async def _standing(self, release: Release) -> str:
        canary = await self._get(*CANARY, release.shop)
        return str(
            {**map_at(canary, "status"), "conditions": list_at(canary, "status", "conditions")}
        )

    async def _edit(self, release: Release) -> None:
        await self._apply(release, f"{release.version}-edited")

    async def _apply(self, release: Release, version: str) -> None:
        faulty = {} if release.good else {"ERROR_RATE": "0.8"}
        obj = shop.deployment(NAMESPACE, version, name=release.shop, replicas=1, **faulty)
        # Nobody who releases by manifests says how many copies there are: the engine does.
        spec = {key: value for key, value in map_at(obj, "spec").items() if key != "replicas"}
        await insisting(lambda: self.cluster.apply([{**obj, "spec": spec}], NAMESPACE))

    async def _get(self, api_version: str, kind: str, name: str) -> KubeObject:
        found = await insisting(lambda: self.cluster.get(api_version, kind, name, NAMESPACE))
        return found or {}


def lost(seen: Seen) -> int:
    return seen.failed - seen.failures.get(SPOILT, 0)


def _version(deployment: KubeObject) -> str:
    containers = maps_at(deployment, "spec", "template", "spec", "containers")
    return text_at(containers[0], "image").partition(":")[2] if containers else "nothing"
