"""The Temporal server of the stack: the development server, kept in one file.

`command` is what `worker.stack.stack` has supervised. Its rollouts survive a kill: the file is
written before the server answers.
"""

from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType

from activities.local.ports import LOOPBACK
from worker.stack import programs
from worker.stack.ports import Ports
from workflows import search_attributes

TUNING = (
    # Needed by workflow tests that skip time; harmless elsewhere.
    "frontend.WorkflowTimeSkippingEnabled=true",
    # The development server polls its only shard 20 times a second; 50 ms a task becomes 7.
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
    # All writes go through one connection. Hundreds of workers a queue would stand in line there
    # until the server takes tasks for lost that it has just handed out, and hands them out again.
    "history.transferProcessorSchedulerWorkerCount=16",
    "history.timerProcessorSchedulerWorkerCount=16",
    "history.visibilityProcessorSchedulerWorkerCount=4",
    # Timers shorter than a second are otherwise rounded up to one.
    'history.timerProcessorMaxTimeShift="10ms"',
)


def tuning_arguments() -> list[str]:
    """Return the dynamic configuration as arguments of `temporal server start-dev`."""
    return [argument for value in TUNING for argument in ("--dynamic-config-value", value)]


def command(
    home: Path,
    ports: Ports,
    *,
    log_level: str = "warn",
    in_memory: bool = False,
    ip: str = LOOPBACK,
) -> list[str]:
    """Return the command line of the server of this home."""
    attributes = [
        argument
        for key in search_attributes.ALL
        for argument in ("--search-attribute", f"{key.name}={_type_of(key.indexed_value_type)}")
    ]
    return [
        str(programs.require("temporal")),
        *("server", "start-dev"),
        *("--ip", ip, "--ui-ip", LOOPBACK),
        *("--port", str(ports.temporal), "--ui-port", str(ports.temporal_ui)),
        *("--http-port", str(ports.temporal_http), "--metrics-port", str(ports.temporal_metrics)),
        *(() if in_memory else _kept(home)),
        *("--log-level", log_level, "--ui-disable-news-fetch"),
        *tuning_arguments(),
        *attributes,
    ]


def _kept(home: Path) -> tuple[str, ...]:
    """Name the file that rollouts are kept in.

    With a write-ahead log this loses nothing when the server is killed, only at most the last
    instants when the machine loses power; without one every write waits for the disk.
    """
    pragmas = ("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL")
    return ("--db-filename", str(home / "temporal.db"), *pragmas)


def _type_of(indexed: int) -> str:
    name = IndexedValueType.Name(IndexedValueType.ValueType(indexed))
    return name.removeprefix("INDEXED_VALUE_TYPE_").title().replace("_", "")
