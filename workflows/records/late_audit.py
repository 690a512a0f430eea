"""Writes what a run could not write before its end; started by `workflows.records.auditing`."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.model.audit import Late
    from workflows.records.auditing import until_written


@workflow.defn(name="LateAudit")
class LateAudit:
    """Tries until the log can be written; seen among the running workflows until then."""

    @workflow.run
    async def run(self, late: Late) -> None:
        """The entries, in their order."""
        await until_written(late)
