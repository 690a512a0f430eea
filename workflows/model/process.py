"""Ours: `Process`, a target of the local platform; so many copies of one command.

The local platform runs it; `revision` says whether it is a new version.
"""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from workflows.model.problem import Problem, invalid, refuse
from workflows.model.quantity import Count, Duration, Port, PositiveDuration, Whole
from workflows.model.resource import Part, Resource
from workflows.model.target import Name

REVISION_VERSION = "v1"
HALF_SECOND = timedelta(milliseconds=500)
SECOND = timedelta(seconds=1)


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise invalid("must start with /", did_you_mean=f"/{path}")
    return path


class HttpProbe(Part):
    """Ready when GET `path` answers 2xx or 3xx; at PORT unless it says another port."""

    path: Annotated[str, AfterValidator(_absolute)] = "/"
    port: Port | None = None


class TcpProbe(Part):
    """Ready when PORT, or the port given, takes a connection."""

    port: Port | None = None


class Readiness(Part):
    """When a process may have users; TCP unless it says HTTP."""

    http: HttpProbe | None = None
    tcp: TcpProbe | None = None
    interval: PositiveDuration = HALF_SECOND
    timeout: PositiveDuration = SECOND
    initial_delay: Duration = timedelta(0)
    success_threshold: Annotated[Whole, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _one_probe(self) -> "Readiness":
        if self.http and self.tcp:
            message = "sets http and tcp at once"
            refuse([Problem(path="", message=message, allowed="http or tcp")])
        return self


def _port_is_given(env: dict[str, str]) -> dict[str, str]:
    if "PORT" in env:
        raise invalid("must not set PORT: each process is given its own", allowed="other names")
    return env


class ProcessTemplate(Part):
    """What one process is; a change makes a new revision."""

    command: Annotated[tuple[str, ...], Field(min_length=1)]
    env: Annotated[dict[Name, str], AfterValidator(_port_is_given)] = {}
    working_directory: Name | None = None
    readiness: Readiness = Readiness()
    stop_grace: Duration = timedelta(seconds=10)
    log_file: Name | None = None


class ProcessSpec(Part):
    """How many of them, and how long one is drained before it is stopped."""

    replicas: Count = 1
    template: ProcessTemplate
    drain: Duration = SECOND


class Process(Resource):
    """A target that runs as processes on this machine."""

    api_version: Literal["serinus.dev/v1alpha1"] = "serinus.dev/v1alpha1"
    kind: Literal["Process"] = "Process"
    spec: ProcessSpec


def revision(template: ProcessTemplate) -> str:
    """The digest of a template: equal for equal meaning, however the manifest was written.

    Fields at their default are left out, so a new optional field changes no revision.
    """
    fields = template.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return f"{REVISION_VERSION}-{sha256(text.encode()).hexdigest()[:12]}"
