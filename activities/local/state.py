"""What Serinus knows of one target on this machine, and who may change it.

One JSON file a slot. Every change happens under a file lock and carries a fence: whoever has been
overtaken by a newer write is refused, whether it still runs in this worker or in another.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pydantic import ValidationError

from activities.claims import SlotState
from activities.local.home import Home
from activities.local.threads import in_thread
from workflows.errors import Reason, failure
from workflows.model.identity import Fence, Slot
from workflows.model.process import Readiness
from workflows.model.value import Record

LOCK_RETRY = 0.005


class Copies(Record):
    """Processes of one revision in one role; times are seconds, `started_at` since 1970."""

    role: str
    revision: str
    ports: tuple[int, ...]
    generation: int
    started_at: float
    readiness: Readiness = Readiness()
    drain: float = 1.0
    stop_grace: float = 10.0

    def programs(self, slot: Slot) -> tuple[str, ...]:
        """Their names under the supervisor; the port makes each one unique."""
        head = f"{slot.namespace}.{slot.name}.{self.role}.{self.revision}"
        return tuple(f"{head}.{port}" for port in self.ports)

    def needed(self, percent: int) -> int:
        """How many must be ready for `percent` of them."""
        return max(1, -(-len(self.ports) * percent // 100))


class TargetState(SlotState):
    """`incoming` is the primary to be; `retired` copies are to be drained and stopped."""

    primary: Copies | None = None
    canary: Copies | None = None
    incoming: Copies | None = None
    retired: tuple[Copies, ...] = ()

    @property
    def copies(self) -> tuple[Copies, ...]:
        """All that may have a process."""
        current = (self.primary, self.canary, self.incoming)
        return (*(copies for copies in current if copies is not None), *self.retired)

    @property
    def ports(self) -> frozenset[int]:
        return frozenset(port for copies in self.copies for port in copies.ports)


class Edit:
    """The right to change one slot while its lock is held."""

    def __init__(self, home: Home, slot: Slot, state: TargetState, *, urgent: bool) -> None:
        self._home = home
        self._slot = slot
        self._urgent = urgent
        self.state = state

    async def save(self, state: TargetState) -> None:
        if state != self.state:
            text = state.model_dump_json(indent=2) + "\n"
            path = self._home.target(self._slot)
            await in_thread(self._home.write, path, text, urgent=self._urgent)
            self.state = state


class TargetStore:
    """Reads and changes target states; one for a worker, many workers may share a home."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def read(self, slot: Slot) -> TargetState:
        return await in_thread(self._read, slot)

    async def slots(self) -> tuple[Slot, ...]:
        """Every slot that has a state."""
        return await in_thread(self._slots)

    @asynccontextmanager
    async def write(
        self, slot: Slot, fence: Fence, *, urgent: bool = False
    ) -> AsyncGenerator[Edit]:
        """Hold the slot for a change; `Fenced` if a newer write came first."""
        async with self._locked(slot):
            state = await self.read(slot)
            state.refuse_older(slot, fence)
            edit = Edit(self._home, slot, state, urgent=urgent)
            # Kept before anything is done, so that no older write can come in after a crash.
            await edit.save(state.but(fence=fence))
            yield edit

    async def refuse_overtaken(self, slot: Slot, fence: Fence) -> None:
        """`Fenced` if a newer write came; asked in waits, which hold no lock."""
        (await self.read(slot)).refuse_older(slot, fence)

    @asynccontextmanager
    async def _locked(self, slot: Slot) -> AsyncGenerator[None]:
        # Asked again and again instead of waited for: a thread that waits cannot be cancelled.
        path = self._home.target(slot).with_suffix(".lock")
        while True:
            with self._home.locked(path) as held:
                if held:
                    yield
                    return
            await asyncio.sleep(LOCK_RETRY)

    def _read(self, slot: Slot) -> TargetState:
        path = self._home.target(slot)
        try:
            return TargetState.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return TargetState()
        except ValidationError as error:
            raise failure(
                Reason.INTERNAL, f"{path} cannot be read: {error}; repair it by hand",
                retryable=True,
            ) from error  # fmt: skip

    def _slots(self) -> tuple[Slot, ...]:
        found = sorted(self._home.targets.glob("*/*.json"))
        return tuple(Slot(namespace=path.parent.name, name=path.stem) for path in found)
