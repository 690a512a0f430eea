"""What an observation works with, in memory, and a real receiver of hooks on loopback."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from workflows.model.hook import Hook, HookType
from workflows.model.identity import Fence, Slot
from workflows.model.live import Counts, GuardRule, Look
from workflows.model.measurement import Measurement, MetricQuery, Outcome, Threshold
from workflows.model.observation import ObserveRequest
from workflows.model.plan import Analysis, Check, Routes, Traffic
from workflows.model.requests import EnsureRoutes, RoutesEnsured

SLOT = Slot(name="shop")
FENCE = Fence(run_id="run-1", generation=1, sequence=7)
TRAFFIC = Traffic(provider="traefik", service="shop")


def a_check(name: str = "request-success-rate", low: float | None = 99) -> Check:
    query = MetricQuery(check=name, provider="prometheus", query="q")
    return Check(metric=query, threshold=Threshold(min=low))


def a_hook(url: str, name: str = "load-test", kind: HookType = HookType.ROLLOUT) -> Hook:
    return Hook(name=name, type=kind, url=url, timeout=5)


def an_analysis(
    *checks: Check,
    hooks: tuple[Hook, ...] = (),
    rollback: tuple[Hook, ...] = (),
    threshold: int = 2,
    interval: float = 0.05,
) -> Analysis:
    return Analysis(
        interval=interval,
        threshold=threshold,
        checks=checks,
        hooks=hooks,
        rollback_hooks=rollback,
        guard=GuardRule(),
    )


def a_request(
    analysis: Analysis,
    passes: int | None = 3,
    *,
    at_once: bool = False,
    guarded: bool = False,
    gate: tuple[Hook, ...] = (),
    failed_checks: int = 0,
) -> ObserveRequest:
    return ObserveRequest(
        slot=SLOT,
        fence=FENCE,
        step="weight 10",
        number=2,
        revision="v2",
        phase="Progressing",
        checksum="abc",
        traffic=TRAFFIC,
        routes=Routes(primary=90, canary=10),
        analysis=analysis,
        passes=passes,
        at_once=at_once,
        guarded=guarded,
        gate_hooks=gate,
        failed_checks=failed_checks,
    )


class RememberingRoutes:
    """Answers each call from `script`, then that all is well; an exception in it is raised."""

    def __init__(self, *script: RoutesEnsured | Exception) -> None:
        self.asked: list[EnsureRoutes] = []
        self._script = list(script)

    async def ensure(self, request: EnsureRoutes) -> RoutesEnsured:
        self.asked.append(request)
        answer = self._script.pop(0) if self._script else RoutesEnsured(changed=False)
        if isinstance(answer, Exception):
            raise answer
        return answer


class ScriptedChecks:
    """Measures `values` one after the other, the last one again and again; None is no data."""

    def __init__(self, *values: float | Exception | None) -> None:
        self.asked: list[str] = []
        self._values = list(values)

    async def measure(self, check: Check, traffic: Traffic, slot: Slot) -> Measurement:
        self.asked.append(check.metric.check)
        value = self._values.pop(0) if len(self._values) > 1 else self._values[0]
        if isinstance(value, Exception):
            raise value
        outcome = Outcome.NO_DATA if value is None else Outcome.VALUE
        return Measurement(check=check.metric.check, outcome=outcome, value=value)


class ScriptedFeed:
    """Gives looks at once, then nothing more for ever, unless it is `broken`."""

    def __init__(
        self, looks: Sequence[Look], history: Sequence[Look] = (), *, broken: bool = False
    ) -> None:
        self._looks = looks
        self._broken = broken
        self.history: Sequence[Look] = history
        self.blind: str | None = None
        self.followers = 0
        self.followed = 0

    @asynccontextmanager
    async def follow(self, slot: Slot, traffic: Traffic) -> AsyncGenerator["ScriptedFeed"]:
        self.followers += 1
        self.followed += 1
        try:
            yield self
        finally:
            self.followers -= 1

    async def looks(self) -> AsyncIterator[Look]:
        for look in self._looks:
            yield look
        if not self._broken:
            await asyncio.Event().wait()


def bad_looks(count: int = 8, start: float = 0.0) -> list[Look]:
    """Half of the canary's answers fail, none of the primary's."""
    return [
        Look(
            at=start + number / 2,
            primary=Counts(requests=450),
            canary=Counts(requests=50, failed=25),
            canary_ready=1,
        )
        for number in range(count)
    ]


@dataclass(frozen=True)
class Received:
    """One request as the receiver got it."""

    path: str
    headers: dict[str, str]
    port: int
    payload: dict[str, object]

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]


@dataclass
class HookReceiver:
    """A server that keeps what it got; paths are answered as scripted, else with 200."""

    url: str = ""
    received: list[Received] = field(default_factory=list[Received])
    answers: dict[str, list[web.Response | asyncio.Event]] = field(
        default_factory=dict[str, list[web.Response | asyncio.Event]]
    )
    came: asyncio.Event = field(default_factory=asyncio.Event)
    on_request: Callable[[], None] = lambda: None

    def at(self, path: str, *answers: web.Response | asyncio.Event) -> str:
        """Script the answers of a path and give its URL; an event is waited for first."""
        self.answers[path] = list(answers)
        return self.url + path

    def keys(self, path: str) -> list[str]:
        return [request.key for request in self.received if request.path == path]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        payload: dict[str, object] = json.loads(body) if body else {}
        assert request.transport is not None
        port: int = request.transport.get_extra_info("peername")[1]
        got = Received(request.path, dict(request.headers), port, payload)
        self.received.append(got)
        self.came.set()
        self.on_request()
        script = self.answers.get(request.path, [])
        while script:
            step = script.pop(0)
            if isinstance(step, web.Response):
                return step
            await step.wait()
        return web.Response(text="fine")


@asynccontextmanager
async def hook_receiver() -> AsyncGenerator[HookReceiver]:
    """A receiver on a free port of loopback."""
    receiver = HookReceiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        receiver.url = f"http://{host}:{port}"
        yield receiver
    finally:
        await runner.cleanup()
