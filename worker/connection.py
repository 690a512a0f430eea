"""How every part of Serinus reaches Temporal: worker, command line, gateway.

Where it is comes from the SDK's own configuration (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, a
profile file...); where that says nothing, from the stack that runs in the home folder.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.client import Client, Plugin
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import (
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from worker.settings import Settings
from worker.stack import ports
from workflows.converter import DATA_CONVERTER
from workflows.errors import SerinusError

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
TEXT_LIMIT = 300


class TemporalUnreachable(SerinusError):  # noqa: N818  the name says what is wrong
    """No connection within the time allowed."""


def target(settings: Settings) -> ClientConnectConfig:
    """Say where Temporal is: the SDK's configuration over the stack of this home."""
    found = ClientConnectConfig(namespace="default")
    if stack := ports.read(settings.home):
        found["target_host"] = stack.temporal_address
    if settings.stack_only:
        return found
    try:
        found.update(ClientConfig.load_client_connect_config())
    except (RuntimeError, ValueError) as error:
        raise TemporalUnreachable(f"the Temporal configuration is wrong: {error}") from error
    return found


@dataclass(frozen=True)
class Wiring:
    """What a program that is observed connects with; `worker.telemetry` makes it."""

    runtime: Runtime
    plugins: Sequence[Plugin] = ()


async def connect(
    settings: Settings, *, patience: float | None = None, wiring: Wiring | None = None
) -> Client:
    """Connect, trying again with back-off for `patience` seconds (else as set)."""
    where = _known_target(settings)
    limit = settings.connect_timeout if patience is None else patience
    try:
        async with asyncio.timeout(limit):
            return await _connect(where, wiring or Wiring(quiet_runtime()))
    except TimeoutError as error:
        raise TemporalUnreachable(
            f"Temporal does not answer at {where.get('target_host')}: {_last_words(error)};"
            " start it with `serinus up`, or set TEMPORAL_ADDRESS"
        ) from error


async def connect_later(settings: Settings, wiring: Wiring | None = None) -> Client:
    """A client that connects when it is first used; wrong configuration is refused now."""
    where, wired = _known_target(settings), wiring or Wiring(quiet_runtime())
    return await Client.connect(
        **where,
        data_converter=DATA_CONVERTER,
        runtime=wired.runtime,
        plugins=wired.plugins,
        lazy=True,
    )


async def connect_unless(
    stop: asyncio.Event, settings: Settings, *, patience: float, wiring: Wiring | None = None
) -> Client | None:
    """As `connect`; None if `stop` is set first."""
    connecting = asyncio.create_task(connect(settings, patience=patience, wiring=wiring))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((connecting, stopping), return_when=asyncio.FIRST_COMPLETED)
        return connecting.result() if connecting.done() else None
    finally:
        for task in (connecting, stopping):
            task.cancel()
        await asyncio.gather(connecting, stopping, return_exceptions=True)


def _known_target(settings: Settings) -> ClientConnectConfig:
    where = target(settings)
    if "target_host" not in where:
        raise TemporalUnreachable(
            f"no Temporal server is known: no stack was started in {settings.home} (`serinus up`)"
            " and TEMPORAL_ADDRESS is not set"
        )
    return where


async def _connect(where: ClientConnectConfig, wiring: Wiring) -> Client:
    """Try until it works; the caller sets the limit."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await Client.connect(
                **where,
                data_converter=DATA_CONVERTER,
                runtime=wiring.runtime,
                plugins=wiring.plugins,
            )
        except RuntimeError as error:
            failed = error
        try:
            await asyncio.sleep(pause)
        except asyncio.CancelledError as cancelled:
            raise cancelled from failed
        pause = min(pause * 2, LONGEST_PAUSE)


def quiet_runtime(metrics: PrometheusConfig | None = None) -> Runtime:
    """Make a runtime whose Rust side logs errors only; people read ours."""
    level = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    logging = LoggingConfig(filter=level)
    return Runtime(telemetry=TelemetryConfig(logging=logging, metrics=metrics))


def _last_words(error: BaseException) -> str:
    """Find the innermost reason, and in it the words of the operating system if it has any."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error) or "no answer in time"
    _, _, system = text.partition('message: "')
    text = system.partition('"')[0] or text
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + "…"
