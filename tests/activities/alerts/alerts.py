"""Alerts and routes for tests."""

from workflows.errors import Reason
from workflows.model.alert import Alert, AlertRoute, Channel, Fact, Severity, State
from workflows.model.identity import Slot

AT = 1_767_225_600.0
"""2026-01-01 00:00 UTC."""
SLOT = Slot(cluster="east", namespace="test", name="podinfo")


def rolled_back(**more: object) -> Alert:
    fields: dict[str, object] = {
        "key": "run-1/rolled-back",
        "slot": SLOT,
        "at": AT,
        "severity": Severity.ERROR,
        "title": "Rolled back: podinfo.test",
        "text": "Rolling back podinfo.test: request-success-rate is 81, wanted at least 99",
        "phase": "RollingBack",
        "revision": "6f2c",
        "reason": Reason.FAILED_CHECKS,
        "facts": (Fact(name="Cluster", value="east"), Fact(name="Failed checks", value="3 of 3")),
        "state": State.ROLLED_BACK,
        "run_id": "run-1",
    }
    return Alert.model_validate({**fields, **more})


def waiting(**more: object) -> Alert:
    fields: dict[str, object] = {
        "key": "run-1/waiting/confirm-promotion",
        "severity": Severity.WARN,
        "title": "Waiting for approval: podinfo.test",
        "text": "podinfo.test is waiting for approval of the promotion.",
        "phase": "WaitingPromotion",
        "reason": None,
        "facts": (Fact(name="Step", value="confirm-promotion"),),
        "state": State.WAITING,
        "waiting_step": "confirm-promotion",
    }
    return rolled_back(**{**fields, **more})


def started(**more: object) -> Alert:
    fields: dict[str, object] = {
        "key": "run-1/started",
        "severity": Severity.INFO,
        "title": "New revision: podinfo.test",
        "text": "New revision of podinfo.test detected, starting canary analysis.",
        "phase": "Progressing",
        "reason": None,
        "facts": (Fact(name="Target", value="Deployment/podinfo.test"),),
        "state": State.STARTED,
    }
    return rolled_back(**{**fields, **more})


def promoted(**more: object) -> Alert:
    fields: dict[str, object] = {
        "key": "run-1/promoted",
        "title": "Promoted: podinfo.test",
        "text": "Canary analysis completed successfully, promotion finished.",
        "phase": "Succeeded",
        "state": State.PROMOTED,
    }
    return started(**{**fields, **more})


def a_route(kind: Channel, address: str = "", **more: object) -> AlertRoute:
    return AlertRoute.model_validate({"name": "on-call", "kind": kind, "address": address, **more})
