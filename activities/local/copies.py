"""Starts and stops the copies of a revision; `activities.local.workload` says which and when."""

import time
from collections.abc import Callable, Sequence

from activities.local.home import Home
from activities.local.ports import PortLedger
from activities.local.programs import Program
from activities.local.revisions import RevisionFolder
from activities.local.state import Copies, TargetState
from activities.local.supervisor import Supervisor
from activities.local.threads import in_thread
from workflows.model.identity import Fence, Slot
from workflows.model.process import ProcessSpec

KEPT_LOGS = 40


class CopyRunner:
    """One for a worker."""

    def __init__(
        self, home: Home, supervisor: Supervisor, clock: Callable[[], float] = time.time
    ) -> None:
        self._home = home
        self._supervisor = supervisor
        self._revisions = RevisionFolder(home)
        self._ports = PortLedger(home)
        self._clock = clock

    async def allot(
        self, slot: Slot, fence: Fence, state: TargetState, role: str, revision: str
    ) -> Copies:
        """Ports for new copies; nothing runs yet, so that a note of them can be kept first."""
        spec = await in_thread(self._revisions.read, slot, revision)
        # Zero copies would leave users and checks without an answer.
        count = max(1, spec.replicas)
        ports = await in_thread(self._ports.claim, slot, count, state.ports)
        return Copies(
            role=role,
            revision=revision,
            ports=ports,
            generation=fence.generation,
            started_at=self._clock(),
            readiness=spec.template.readiness,
            drain=spec.drain.total_seconds(),
            stop_grace=spec.template.stop_grace.total_seconds(),
        )

    def renewed(self, copies: Copies, fence: Fence) -> Copies:
        """For another run the deadline begins anew."""
        if copies.generation == fence.generation:
            return copies
        update = {"generation": fence.generation, "started_at": self._clock()}
        return copies.model_copy(update=update)

    async def ensure(self, slot: Slot, copies: Copies) -> None:
        """Have them run."""
        spec = await in_thread(self._revisions.read, slot, copies.revision)
        await self._supervisor.ensure(self._programs(slot, copies, spec))

    async def stop(self, slot: Slot, copies: Copies) -> None:
        """Stop them and give their ports back."""
        await self._supervisor.stop(copies.programs(slot))
        await in_thread(self._ports.release, copies.ports)
        await in_thread(self._prune_logs, slot)

    def _prune_logs(self, slot: Slot) -> None:
        logs = self._home.logs.glob(f"{slot.namespace}.{slot.name}.*.log*")
        newest = sorted(logs, key=lambda path: path.stat().st_mtime, reverse=True)
        for path in newest[KEPT_LOGS:]:
            self._home.remove(path)

    def _programs(self, slot: Slot, copies: Copies, spec: ProcessSpec) -> Sequence[Program]:
        template = spec.template
        return tuple(
            Program(
                name=name,
                command=template.command,
                env={**template.env, "PORT": str(port)},
                directory=template.working_directory,
                log=str(self._home.log(name)),
                append_to=template.log_file,
                stop_grace=copies.stop_grace,
            )
            for name, port in zip(copies.programs(slot), copies.ports, strict=True)
        )
