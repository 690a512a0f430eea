"""The manifests that integration tests apply: small, quick, as people write them."""

from collections.abc import Mapping
from pathlib import Path

from workflows.model.manifest import Manifest, parse

SUCCESS_RATE = {
    "name": "request-success-rate",
    "interval": "10s",
    "thresholdRange": {"min": 99},
}
DURATION = {"name": "request-duration", "interval": "10s", "thresholdRange": {"max": 1000}}
SHOP = ["python", "-m", "worker.stack.shop"]
WAITING_SHOP = f'until [ -e "$1" ]; do sleep 0.05; done; exec {" ".join(SHOP)}'
HELD = "1h"
"""An interval so long that a step stays until a test has done with it."""


def a_shop(
    name: str,
    version: str,
    faults: dict[str, str] | None = None,
    *,
    replicas: int = 1,
    waits_for: Path | None = None,
) -> Manifest:
    """A version of the shop; while there is no file `waits_for`, its processes do not come up."""
    command = SHOP if waits_for is None else ["sh", "-c", WAITING_SHOP, "shop", str(waits_for)]
    template = {
        "command": command,
        "env": {"SHOP": name, "VERSION": version, **(faults or {})},
        "readiness": {"http": {"path": "/readyz"}, "interval": "100ms", "timeout": "5s"},
        "stopGrace": "20s",
    }
    spec = {"replicas": replicas, "drain": "200ms", "template": template}
    return _ours("Process", name, spec)


def a_canary(
    name: str,
    *,
    deadline: int = 60,
    analysis: Mapping[str, object] | None = None,
    **more: object,
) -> Manifest:
    """A Canary with a quick analysis; `analysis` replaces or adds fields of it."""
    asked: dict[str, object] = {
        "interval": "1s",
        "threshold": 3,
        "metrics": [SUCCESS_RATE],
        **(analysis or {}),
    }
    if not asked.keys() & {"stepWeight", "stepWeights", "iterations"}:
        asked["stepWeights"] = [20, 60]
    spec: dict[str, object] = {
        "provider": "local",
        "targetRef": {"apiVersion": "serinus.dev/v1alpha1", "kind": "Process", "name": name},
        "progressDeadlineSeconds": deadline,
        "service": {"port": 8080},
        "analysis": asked,
        **more,
    }
    document = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name},
        "spec": spec,
    }
    return parse(document)


def a_policy(name: str, **spec: object) -> Manifest:
    """A RolloutPolicy for the Canary of that name."""
    return _ours("RolloutPolicy", name, {"targets": {"names": [name]}, **spec})


def a_hook(name: str, kind: str, url: str, **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, "url": url, "timeout": "10s", **more}


def _ours(kind: str, name: str, spec: Mapping[str, object]) -> Manifest:
    return parse(
        {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }
    )
