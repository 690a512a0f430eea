"""The engine as one plugin: the same object configures clients, workers and replayers.

So tests, replays and production cannot drift apart in converter, sandbox or workflow list.
"""

from collections.abc import Callable, Sequence

from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows.converter import DATA_CONVERTER
from workflows.deliver import Delivery
from workflows.janitor import Janitor, Restore
from workflows.records.late_audit import LateAudit
from workflows.rollout import Rollout
from workflows.telling.announce import Announcer

WORKFLOWS: Sequence[type] = (Rollout, Restore, Janitor, Delivery, Announcer, LateAudit)
# Re-imported for every run unless passed through: 1 MB and 44 ms a workflow (measured).
PASSED_THROUGH = (
    "workflows.telling.alerting",
    "workflows.telling.announcements",
    "workflows.telling.evidence",
    "workflows.telling.gates",
    "workflows.telling.happenings",
    "workflows.judge",
    "workflows.telling.lanes",
    "workflows.telling.trouble",
    "workflows.contracts",
    "workflows.converter",
    "workflows.decide",
    "workflows.details",
    "workflows.errors",
    "workflows.fences",
    "workflows.interpreter",
    "workflows.model",
    "workflows.orders",
    "workflows.perform",
    "workflows.policies",
    "workflows.restore",
    "workflows.run_record",
    "workflows.search_attributes",
    "workflows.advance",
    "workflows.approvals.answers",
    "workflows.approvals.approving",
    "workflows.approvals.asking",
    "workflows.moves",
    "workflows.observing",
    "workflows.phases",
    "workflows.positions",
    "workflows.approvals.sealing",
    "workflows.records.auditing",
    "workflows.records.bounds",
    "workflows.records.hiding",
    "workflows.outcomes",
    "workflows.records.recording",
    "workflows.records.recounting",
    "annotated_types",
    "pydantic",
    "pydantic_core",
)


def sandboxed(runner: WorkflowRunner | None) -> WorkflowRunner:
    """The sandbox, with our pure modules passed through."""
    if isinstance(runner, SandboxedWorkflowRunner):
        return SandboxedWorkflowRunner(
            restrictions=runner.restrictions.with_passthrough_modules(*PASSED_THROUGH)
        )
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def rollouts_plugin(activities: Sequence[Callable[..., object]] = ()) -> SimplePlugin:
    """For workers and replayers: workflows, sandbox, and the given activities."""
    return SimplePlugin(
        "serinus",
        data_converter=DATA_CONVERTER,
        workflows=WORKFLOWS,
        activities=activities,
        workflow_runner=sandboxed,
    )
