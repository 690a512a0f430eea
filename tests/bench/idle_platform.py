"""A worker process with the real engine on a platform that does nothing.

Run by `tests.bench.many` as `python -m tests.bench.idle_platform HOME PLAN`. Routes, workloads and
measurements answer at once; every canary gets a healthy look each half second. Told to stop, it
prints how many observations were begun again, and `late SECONDS` for every tick.
"""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from temporalio import activity

from activities.analysis.observe import Instruments, Observer
from activities.hooking.caller import Envelope
from tests.workflow.fake_platform import FakePlatform
from worker import connection
from worker.app import collect_rarely, workers
from worker.platform import Platform
from worker.registration import register_search_attributes
from worker.settings import Settings
from workflows.model.hook import Hook, HookAnswer
from workflows.model.identity import Fence, Slot
from workflows.model.live import Counts, Look
from workflows.model.measurement import Measurement, Outcome
from workflows.model.plan import Check, Plan, Traffic
from workflows.model.requests import EnsureRoutes, RoutesEnsured

LOOK_EVERY = 0.5
"""As the scraper of a router, which serves all rollouts behind it."""


@dataclass
class Lateness:
    """Routes are ensured at the start of a step and of each tick: the moments to compare."""

    interval: float
    late: list[float] = field(default_factory=list[float])
    begun_again: int = 0
    _due: dict[tuple[Slot, str], float] = field(default_factory=dict[tuple[Slot, str], float])

    async def ensure(self, request: EnsureRoutes) -> RoutesEnsured:
        now, key = time.time(), (request.slot, request.step)
        self.begun_again += activity.info().attempt > 1
        if key in self._due:
            self.late.append(now - self._due[key])
        else:
            self._due[key] = now
        self._due[key] += self.interval
        return RoutesEnsured(changed=False)


class Healthy:
    """Checks that pass, hooks that answer, and looks at which nothing is wrong."""

    def __init__(self) -> None:
        self._came = asyncio.Event()
        self._look = Look(at=time.monotonic())
        self.history: Sequence[Look] = ()
        self.blind: str | None = None

    async def measure(self, check: Check, traffic: Traffic, slot: Slot) -> Measurement:
        return Measurement(check=check.metric.check, outcome=Outcome.VALUE, value=99.5)

    async def call(self, hook: Hook, envelope: Envelope, key: str) -> HookAnswer:
        return HookAnswer(name=hook.name, type=hook.type, ok=True, status=200)

    @asynccontextmanager
    async def follow(self, slot: Slot, traffic: Traffic) -> AsyncGenerator["Healthy"]:
        yield self

    async def looks(self) -> AsyncIterator[Look]:
        while True:
            await self._came.wait()
            yield self._look

    async def look_on(self) -> None:
        """One look for all, as one scrape gives."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self._look = Look(
                at=time.monotonic(),
                primary=Counts(requests=45),
                canary=Counts(requests=5),
                canary_ready=2,
            )
            came, self._came = self._came, asyncio.Event()
            came.set()


class _Anybody(FakePlatform):
    """The fake platform for any number of slots: fences are not its business here."""

    async def _enter(self, name: str, write: object) -> None:
        self.log.clear()
        self.closed.clear()
        self.fence = Fence(run_id="", generation=0, sequence=0)


async def serve(home: Path, plan: Plan) -> Lateness:
    """Serve until told to stop."""
    settings = Settings(home=home, stack_only=True, usual_ports=False)
    client = await connection.connect(settings)
    await register_search_attributes(client)
    lateness, healthy = Lateness(plan.analysis.interval), Healthy()
    fake = _Anybody(plan)
    observer = Observer(Instruments(lateness, healthy, healthy, healthy))
    others = [each for each in fake.activities() if each != fake.observe]
    looking = asyncio.create_task(healthy.look_on())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    collect_rarely()
    async with AsyncExitStack() as stack:
        for worker in workers(client, settings, Platform(others, observer.observe)):
            await stack.enter_async_context(worker)
        await stop.wait()
    looking.cancel()
    return lateness


def main() -> None:
    home, plan = Path(sys.argv[1]), Plan.model_validate_json(Path(sys.argv[2]).read_bytes())
    lateness = asyncio.run(serve(home, plan))
    sys.stdout.write(f"again {lateness.begun_again}\n")
    sys.stdout.write("".join(f"late {seconds:.4f}\n" for seconds in lateness.late))


if __name__ == "__main__":
    main()
