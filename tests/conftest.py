"""One Temporal server for a test session; every test has its own workflow ids and queues."""

import shutil
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from temporalio.testing import WorkflowEnvironment

from workflows.converter import DATA_CONVERTER
from workflows.search_attributes import ALL

settings.register_profile("busy-machine", deadline=None)
settings.load_profile("busy-machine")

TUNED = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
    'history.timerProcessorMaxTimeShift="10ms"',
)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped test proves nothing, so it fails the session."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(reporter, pytest.TerminalReporter) and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def binary(name: str) -> str:
    """A program that a Python package brought, beside this interpreter."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found is not None, f"{name} is missing from the virtual environment"
    return found


@asynccontextmanager
async def temporal_server(*settings: str) -> AsyncGenerator[WorkflowEnvironment]:
    """A time-skipping server with our search attributes and more dynamic configuration."""
    values = (*TUNED, *settings)
    arguments = [part for value in values for part in ("--dynamic-config-value", value)]
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=binary("temporal"),
        dev_server_startup_timeout=timedelta(minutes=1),
        dev_server_extra_args=arguments,
        data_converter=DATA_CONVERTER,
        search_attributes=ALL,
    ) as env:
        yield env


@pytest.fixture(scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    async with temporal_server() as env:
        yield env
