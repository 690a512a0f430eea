"""Which rollouts there are, and which gates wait for people: asked of Temporal now and then.

Every worker of a cluster says the same, so that one may be away; take the `max` over them. What is
no more has no series. Run by `worker.app` where somebody asks for metrics.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from worker import rollouts
from workflows import search_attributes
from workflows.errors import SerinusError
from workflows.model.identity import Slot
from workflows.model.status import Phase

EVERY = 10.0
RUNNING = f"WorkflowType = '{rollouts.WORKFLOW}' AND ExecutionStatus = 'Running'"
log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Gate:
    """A gate that waits. `since` is seconds since 1970."""

    slot: Slot
    run_id: str
    step: int
    name: str
    since: float


@dataclass
class Census(Collector):
    """What was found last; `clock` gives seconds since 1970."""

    client: Client
    clock: Callable[[], float] = time.time
    phases: Counter[str] = field(default_factory=Counter[str])
    gates: Sequence[Gate] = ()

    def __hash__(self) -> int:
        """One of a process."""
        return id(self)

    async def keep(self) -> None:
        """Ask for ever; while Temporal does not answer, what was found last stays."""
        while True:
            try:
                await self.look()
            except (RPCError, SerinusError) as error:
                log.warning("census.failed", why=str(error))
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Ask once."""
        found = [each async for each in self.client.list_workflows(RUNNING)]
        self.phases = Counter(_phase(each) for each in found)
        waiting = [each for each in found if _waits(each)]
        self.gates = [gate for each in waiting if (gate := await self._gate(each)) is not None]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Called at each scrape."""
        phases = GaugeMetricFamily("serinus_rollouts", "Rollouts that run.", labels=("phase",))
        for phase in Phase:
            phases.add_metric((phase,), self.phases[phase])
        yield phases
        yield GaugeMetricFamily(
            "serinus_gates_waiting", "Gates that wait for people.", len(self.gates)
        )
        waiting = GaugeMetricFamily(
            "serinus_gate_waiting_seconds",
            "For how long each of them has waited.",
            labels=("namespace", "name", "gate"),
        )
        now = self.clock()
        for gate in self.gates:
            own = (gate.slot.namespace, gate.slot.name, gate.name)
            waiting.add_metric(own, max(0.0, now - gate.since))
        yield waiting

    async def _gate(self, execution: WorkflowExecution) -> Gate | None:
        """Known from the last time, or asked of the rollout, which takes a worker some time."""
        step = execution.typed_search_attributes.get(search_attributes.STEP) or 0
        for gate in self.gates:
            if (gate.run_id, gate.step) == (execution.run_id, step):
                return gate
        slot = Slot.of(execution.id)
        status = await rollouts.status(self.client, slot, run_id=execution.run_id)
        if status.waiting is None:
            return None
        waiting = status.waiting
        return Gate(slot, execution.run_id, step, waiting.step, waiting.since)


def _phase(execution: WorkflowExecution) -> str:
    """Before it has prepared, a rollout has said nothing."""
    known = execution.typed_search_attributes.get(search_attributes.PHASE)
    return known or Phase.INITIALIZING


def _waits(execution: WorkflowExecution) -> bool:
    return bool(execution.typed_search_attributes.get(search_attributes.AWAITING_APPROVAL))
