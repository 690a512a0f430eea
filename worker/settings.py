"""Configuration, read once: environment variables that begin with SERINUS_.

Every way in (`worker.cli`, `worker.app`, `worker.stack`) makes one `Settings` and passes it down.
How Temporal is reached is not ours to configure: that is the SDK's `TEMPORAL_*` variables and
its configuration file, see `worker.connection`.
"""

import os
import sys
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from workflows.errors import SerinusError

STATE_DIRECTORY = Path("~/.local/state")


class SettingsError(SerinusError):
    """A setting is wrong; the text names the variable."""


class StateDirectory(BaseSettings):
    """Where programs of this user keep state (the XDG base directory)."""

    path: Path = Field(default=STATE_DIRECTORY, validation_alias=AliasChoices("XDG_STATE_HOME"))


def default_home() -> Path:
    return StateDirectory().path / "serinus"


class Settings(BaseSettings):
    """What a person may set."""

    model_config = SettingsConfigDict(
        env_prefix="SERINUS_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    home: Path = Field(default_factory=default_home)
    """The folder that holds all state of the local platform."""
    platform: Literal["local", "kubernetes"] = "local"
    """Where targets and traffic live."""
    cluster: str = "local"
    """The name of this platform in workflow ids and task queues."""
    usual_ports: bool = True
    """Take well-known ports where they are free; off for stacks that live side by side."""
    stack_only: bool = False
    """Whether Temporal is always that of the stack, whatever TEMPORAL_ADDRESS says."""
    max_cached_workflows: int = Field(default=2_500, ge=1)
    """Keep at least a quarter more than the rollouts that run at once."""
    connect_timeout: float = Field(default=10.0, gt=0)
    """Seconds for which the first connection to Temporal is tried again."""
    seal_key_file: Path | None = None
    """The key that the gateway seals orders with and workers check them with."""
    audit_log: Path | None = None
    """The audit log; on the local platform a file of the home folder unless said otherwise."""
    url: str = Field(default="", pattern="^(https?://[^\\s]+)?$")
    """Where people reach the gateway, e.g. http://127.0.0.1:8800; alerts link to it."""
    event_webhook: str = Field(default="", pattern="^(https?://[^\\s]+)?$")
    """Where events of Canaries without an event hook go; Flagger's -event-webhook."""
    server: str = Field(default="", pattern="^(https?://[^\\s]+)?$")
    """The gateway that commands ask instead of Temporal; as `--server`."""
    token: SecretStr = SecretStr("")
    """Who a command is to that gateway: a token made by `serinus token`."""
    token_file: Path | None = None
    """A file with that token."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    metrics_worker: str = Field(default="", pattern=r"^(.+:\d{1,5})?$")
    """`host:port` at which the worker answers /metrics; beside SERINUS_WORKER_PORT of a pod."""
    metrics_gateway: str = Field(default="", pattern=r"^(.+:\d{1,5})?$")
    """`host:port` at which the gateway answers /metrics; never its own port."""
    otlp: str = Field(default="", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """OpenTelemetry's own variables say where traces and metrics go; unset, nothing is sent."""
    otlp_traces: str = Field(default="", validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    otlp_metrics: str = Field(default="", validation_alias="OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    otlp_every: float = Field(
        default=60_000, ge=100, validation_alias="OTEL_METRIC_EXPORT_INTERVAL"
    )
    """Milliseconds between two exports of metrics."""

    @property
    def sends_traces(self) -> bool:
        return bool(self.otlp or self.otlp_traces)

    @property
    def sends_metrics(self) -> bool:
        return bool(self.otlp or self.otlp_metrics)

    @property
    def seal_key_path(self) -> Path:
        """Where the key of seals is; in the home unless said otherwise."""
        chosen = self.seal_key_file or self.home / "gateway" / "seal.key"
        return chosen.expanduser()

    @property
    def audit_path(self) -> Path | None:
        """Where the audit log is; None where the worker's own log has to do."""
        if self.audit_log is not None or self.platform == "kubernetes":
            return self.audit_log and self.audit_log.expanduser()
        return self.home / "audit" / "audit.jsonl"

    def at(self, home: Path) -> "Settings":
        """Return the same settings with another home."""
        return self.model_copy(update={"home": home.expanduser().resolve()})


def load(home: Path | None = None) -> Settings:
    """Read the environment; a `home` given by hand wins."""
    try:
        settings = Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"SERINUS_{'__'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(problems) from error
    return settings.at(home or settings.home)


def put_programs_on_path() -> None:
    """Let what we start find `python` and the programs installed with it, as we do.

    A virtual environment need not be activated for its `serinus` to run.
    """
    environment = os.environ  # noqa: TID251  this is the module that may
    beside = str(Path(sys.executable).parent)
    path = environment.get("PATH", os.defpath)
    if path.partition(os.pathsep)[0] != beside:
        environment["PATH"] = os.pathsep.join((beside, path))
