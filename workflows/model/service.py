"""`spec.service` of a Canary: the name, port and routes under which users find the target."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from workflows.model.http_match import (
    Headers,
    HttpMatch,
    ParentReference,
    RequestMirror,
    TextMatch,
)
from workflows.model.problem import Problem, joined, refuse
from workflows.model.quantity import Count, Duration, Flag, Port, PortOrName
from workflows.model.resource import DnsName, Labels, Part


class Rewrite(Part):
    """How the path and host of a request are rewritten."""

    uri: str | None = None
    authority: str | None = None
    type: str | None = None


class Retries(Part):
    """How a router tries again."""

    attempts: Count | None = None
    per_try_timeout: Duration | None = None
    retry_on: str | None = None


class CorsPolicy(Part):
    """Cross-origin rules, shaped as Istio's."""

    allow_origin: tuple[str, ...] = ()
    allow_origins: tuple[TextMatch, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: Duration | None = None
    allow_credentials: Flag | None = None


class CustomMetadata(Part):
    """Labels and annotations of one generated Service."""

    labels: Labels = {}
    annotations: Labels = {}


class UnmanagedMetadata(Part):
    """Keys on generated Services that Serinus leaves as it finds them."""

    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()


class ServiceSpec(Part):
    """The apex service. What a provider does not read, it passes over, as in Flagger."""

    name: DnsName | None = None
    port: Port | None = None
    port_name: str = "http"
    target_port: PortOrName | None = None
    app_protocol: str | None = None
    traffic_distribution: Literal["PreferClose", "PreferSameZone", "PreferSameNode"] | None = None
    port_discovery: Flag = False
    headless: Flag = False
    timeout: Duration | None = None
    backend_timeout: Duration | None = None
    gateways: tuple[str, ...] = ()
    gateway_refs: Annotated[tuple[ParentReference, ...], Field(max_length=32)] = ()
    hosts: tuple[str, ...] = ()
    delegation: Flag = False
    traffic_policy: dict[str, JsonValue] | None = None
    match: tuple[HttpMatch, ...] = ()
    rewrite: Rewrite | None = None
    retries: Retries | None = None
    headers: Headers | None = None
    mirror: tuple[RequestMirror, ...] = ()
    cors_policy: CorsPolicy | None = None
    mesh_name: str | None = None
    backends: tuple[str, ...] = ()
    apex: CustomMetadata | None = None
    primary: CustomMetadata | None = None
    canary: CustomMetadata | None = None
    unmanaged_metadata: UnmanagedMetadata | None = None

    @property
    def is_tcp(self) -> bool:
        """Whether Istio routes this service as TCP: no mirror, no A/B, no affinity."""
        return (self.app_protocol or "").lower() == "tcp"

    @property
    def container_port(self) -> int | str | None:
        """The port of the workload: `targetPort`, else `port`; 0 means not set."""
        return self.target_port or self.port

    @model_validator(mode="after")
    def _no_suffix(self) -> "ServiceSpec":
        refuse(
            Problem(
                path=joined(f"match[{at}]", f"headers.{header}.suffix"),
                value=text.suffix,
                message="would be dropped by Flagger's API server, leaving any value to match",
                allowed="exact, prefix or regex",
            )
            for at, match in enumerate(self.match)
            for header, text in match.headers.items()
            if text.suffix is not None
        )
        return self
