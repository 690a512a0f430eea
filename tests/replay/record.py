"""Records the histories of a release: `python -m tests.replay.record 0.1`.

Run once before a release. A recorded history is never edited; a later release gets a folder of
its own, and the older ones go on being replayed.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from tests.conftest import temporal_server
from tests.replay.fingerprint import BASELINE, fingerprint
from tests.replay.scenarios import SCENARIOS
from tests.workflow.conftest import Theatre

HISTORIES = Path(__file__).with_name("histories")


async def record(release: str) -> None:
    """Write one file a scenario, and the fingerprint of the commands."""
    BASELINE.write_text("\n".join(fingerprint()) + "\n")
    folder = HISTORIES / release
    folder.mkdir(parents=True, exist_ok=True)
    async with temporal_server() as env:
        for name in SCENARIOS:
            await _record(env, folder, name)


async def _record(env: WorkflowEnvironment, folder: Path, name: str) -> None:
    async with AsyncExitStack() as stack:
        stage = await SCENARIOS[name](Theatre(env, stack))
        first = env.client.get_workflow_handle(
            stage.handle.id, run_id=stage.handle.first_execution_run_id
        )
        history = await first.fetch_history()
        (folder / f"{name}.json").write_text(history.to_json() + "\n")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1]))
