"""The demo, without its words: a stack of its own, users, a good release and a bad one.

`worker.cli.demo` shows what happens and says how it went.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from importlib import resources

from pydantic import computed_field
from temporalio.client import Client

from activities.local.home import Home
from activities.manifests import load
from worker import applying, connection
from worker.applying import Applier
from worker.settings import Settings
from worker.stack.ports import Ports
from worker.stack.stack import Stack, Tell
from worker.stack.users import Seen, Users
from worker.watching import watch
from workflows.errors import SerinusError
from workflows.model.identity import Slot
from workflows.model.requests import Outcome
from workflows.model.status import RolloutStatus
from workflows.model.value import Record

SLOT = Slot(name="shop")
HOST = "shop.localhost"
RATE = 80.0
SETTLE = 1.0
"""Seconds that users are still counted for a release after it ended."""
EXAMPLES = "examples/shop"
Show = Callable[[RolloutStatus, Users | None], None]


class DemoBroken(SerinusError):  # noqa: N818  the name says what is wrong
    """The demo cannot go on."""


class Release(Record):
    """One release of the demo: what was wanted, how it ended, what users met meanwhile."""

    version: str
    wanted: Outcome
    status: RolloutStatus
    users: Seen
    spared: bool
    """Whether no user may have met an error."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def as_wanted(self) -> bool:
        """Whether it ended as it should."""
        return self.status.outcome is self.wanted and not (self.spared and self.users.failed)


class Demo:
    """One run of the demo in a home of its own."""

    def __init__(self, settings: Settings, tell: Tell, show: Show) -> None:
        """Say what is done by `tell`, how a rollout goes by `show`."""
        self._settings = settings
        self._tell = tell
        self._show = show
        self.stack = Stack(settings, tell)

    async def fresh_stack(self) -> Ports:
        """Start an empty stack; what an earlier demo left is removed."""
        await self.stack.down()
        await asyncio.to_thread(shutil.rmtree, self._settings.home, ignore_errors=True)
        return await self.stack.up()

    async def releases(self, known: Ports) -> list[Release]:
        """Bring the shop up, then release v2 and v3 under traffic."""
        client = await connection.connect(self._settings)
        self._tell("apply the shop v1 and its Canary")
        first = await self._roll_out(client, known, None, "canary.yaml", "v1.yaml")
        if first.outcome is not Outcome.INITIALISED:
            raise DemoBroken(f"the shop did not come up: {first.reason} {first.message}")
        async with Users(known.users_url, HOST, RATE) as users:
            self._tell(f"users send {RATE:g} requests a second to {known.users_url} for {HOST}")
            good = await self._release(client, known, users, "v2", Outcome.PROMOTED)
            bad = await self._release(client, known, users, "v3", Outcome.ROLLED_BACK)
        return [good, bad]

    async def _release(
        self, client: Client, known: Ports, users: Users, version: str, wanted: Outcome
    ) -> Release:
        await asyncio.sleep(SETTLE)
        before = users.seen()
        self._tell(f"release {version}")
        status = await self._roll_out(client, known, users, f"{version}.yaml")
        await asyncio.sleep(SETTLE)
        return Release(
            version=version,
            wanted=wanted,
            status=status,
            users=users.seen().since(before),
            spared=wanted is Outcome.PROMOTED,
        )

    async def _roll_out(
        self, client: Client, known: Ports, users: Users | None, *files: str
    ) -> RolloutStatus:
        """Apply the files and watch their rollout to its end."""
        applier = Applier(Home(self._settings.home))
        manifests = [each for file in files for each in load(example(file, known), file)]
        applied = await asyncio.to_thread(applier.apply, manifests)
        await applying.send(client, applied.triggers, "demo")
        last: RolloutStatus | None = None
        async with contextlib.aclosing(watch(client, SLOT, self._tell)) as statuses:
            async for last in statuses:
                self._show(last, users)
        if last is None:
            raise DemoBroken("the rollout said nothing")
        return last


def example(file: str, known: Ports) -> str:
    """Read an example; it is written for the usual ports, this stack may have others."""
    text = (resources.files("worker.stack") / EXAMPLES / file).read_text(encoding="utf-8")
    usual = Ports()
    return text.replace(usual.loadtester_url, known.loadtester_url).replace(
        usual.users_url, known.users_url
    )
