"""One Temporal server for a test session; every test has its own workflow ids and queues."""

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from workflows.converter import DATA_CONVERTER
from workflows.search_attributes import ALL

TUNED = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
    'history.timerProcessorMaxTimeShift="10ms"',
)


def binary(name: str) -> str:
    """A program that a Python package brought, beside this interpreter."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found is not None, f"{name} is missing from the virtual environment"
    return found


@pytest.fixture(scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    arguments = [part for value in TUNED for part in ("--dynamic-config-value", value)]
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=binary("temporal"),
        dev_server_extra_args=arguments,
        data_converter=DATA_CONVERTER,
        search_attributes=ALL,
    ) as env:
        yield env
