"""Asking Temporal, and the home folder of this machine: what commands do without `--server`."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable

from temporalio.client import Client

from activities.claims import PastRun
from activities.local.home import Home
from activities.local.manifests import ManifestFolder
from worker import applying, connection, rollouts
from worker.applying import Applied, Applier
from worker.cli.folder import target_state
from worker.cli.session import Complain, Said, Texts
from worker.planning import Planned, manifests_of, plans_of
from worker.rollouts import Row
from worker.settings import Settings
from worker.watching import watch
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest
from workflows.model.status import RolloutStatus, Verb


class Direct:
    """Connects when Temporal is first needed; reading manifests and plans never needs it."""

    def __init__(self, settings: Settings, by: str, patience: float | None) -> None:
        self._settings = settings
        self._by = by
        self._patience = patience
        self._client: Client | None = None

    async def status(self, slot: Slot) -> RolloutStatus:
        return await rollouts.status(await self._temporal(), slot)

    async def watch(self, slot: Slot, complain: Complain) -> AsyncGenerator[RolloutStatus, None]:
        async for status in watch(await self._temporal(), slot, complain):
            yield status

    async def listing(self, namespace: str | None) -> list[Row]:
        return await rollouts.listing(await self._temporal(), namespace)

    async def history(self, slot: Slot) -> tuple[PastRun, ...]:
        return (await target_state(self._settings, slot)).history

    async def tell(self, slot: Slot, verb: Verb, said: Said) -> RolloutStatus:
        return await rollouts.tell(await self._temporal(), slot, verb, said)

    async def undo(self, slot: Slot, reason: str) -> str:
        return await rollouts.release_previous(await self._temporal(), slot, self._by, reason)

    async def plan(self, texts: Texts) -> tuple[Planned, ...]:
        return plans_of(manifests_of(texts))

    async def manifests(
        self, kinds: Iterable[type[Manifest]], namespace: str
    ) -> tuple[Manifest, ...]:
        folder = ManifestFolder(Home(self._settings.home))
        return tuple(each for kind in kinds for each in folder.list(kind, namespace))

    async def apply(
        self, texts: Texts, *, again: bool, report: Callable[[Applied], None]
    ) -> tuple[RolloutStatus, ...]:
        manifests = manifests_of(texts)
        # First of all: a manifest that is kept but triggers nothing would be forgotten.
        client = await self._temporal()
        applier = Applier(Home(self._settings.home))
        applied = await asyncio.to_thread(applier.apply, manifests, again=again)
        report(applied)
        return await applying.send(client, applied.triggers, self._by)

    async def delete(self, kind: type[Manifest], namespace: str, name: str) -> RolloutStatus | None:
        client = await self._temporal()
        applier = Applier(Home(self._settings.home))
        trigger = await asyncio.to_thread(applier.delete, kind, namespace, name)
        if trigger is None:
            return None
        (status,) = await applying.send(client, [trigger], self._by)
        return status

    async def _temporal(self) -> Client:
        if self._client is None:
            self._client = await connection.connect(self._settings, patience=self._patience)
        return self._client
