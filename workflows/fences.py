"""Numbers the commands of one workflow run, so that an older write can be told from a newer one."""

from temporalio import workflow

from workflows.model.identity import Fence


class Fences:
    """Each call is the next fence of the run that is executing."""

    def __init__(self) -> None:
        self._sequence = 0

    def __call__(self) -> Fence:
        self._sequence += 1
        info = workflow.info()
        generation = int(info.workflow_start_time.timestamp() * 1000)
        return Fence(run_id=info.run_id, generation=generation, sequence=self._sequence)
