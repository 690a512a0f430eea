"""Today's workflow code replays what every release has recorded."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from tests.replay.scenarios import SCENARIOS
from worker.plugin import rollouts_plugin
from workflows.converter import DATA_CONVERTER

HISTORIES = Path(__file__).with_name("histories")
RECORDED = sorted(HISTORIES.glob("*/*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_a_recorded_run_replays(path: Path) -> None:
    replayer = Replayer(workflows=[], plugins=[rollouts_plugin()], data_converter=DATA_CONVERTER)
    text = await asyncio.to_thread(path.read_text)
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, text))


def test_every_scenario_is_recorded() -> None:
    assert {path.stem for path in HISTORIES.glob("0.1/*.json")} == set(SCENARIOS)
