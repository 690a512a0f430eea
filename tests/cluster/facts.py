"""What a cluster says about itself: one JSON line from the keeper, read by the session."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Facts(BaseModel):
    """Where everything of a running cluster is."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    """Certificate, kubeconfig files and logs; gone when the cluster is."""
    kubeconfig: Path
    """Of the administrator."""
    certificate: Path
    server: str
    token: str
    """Of the administrator."""
    tokens: dict[str, str]
    """Of every user."""
    control_url: str
    """Where the keeper takes orders; holds a secret."""
    ingress_url: str
    """Traefik's entry point `web`; send the `Host` that a route wants."""
    traefik_url: str
    """Traefik's own API, `/ping` and `/metrics`."""
    prometheus_url: str
    pid: int
    """The keeper, as seen from outside."""
    seconds: dict[str, float]
    """From the start of the keeper to each part being ready."""


def read(path: Path) -> Facts:
    """The facts of a cluster that was started with --keep."""
    return Facts.model_validate_json(path.read_text())


class Start(BaseModel):
    """What the session wants of the keeper."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: dict[str, str]
    """Name -> group."""
    sessions: Path
    until_eof: bool
    """Whether the cluster ends with its standard input."""
