"""What the node reports of a pod; pure, called by `tests.cluster.node.pods`."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import JsonValue

from activities.kube.objects import KubeObject, maps_at, text_at


@dataclass
class State:
    """One container, as its runner sees it."""

    name: str
    image: str
    waiting: str = "ContainerCreating"
    message: str = ""
    started: str = ""
    ready: bool = False
    restarts: int = 0
    exited: int | None = None
    finished: str = ""
    last: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])

    @property
    def running(self) -> bool:
        return bool(self.started) and self.exited is None and not self.waiting

    def shown(self) -> dict[str, JsonValue]:
        return {
            "name": self.name,
            "image": self.image,
            "imageID": f"process://{self.image}",
            "containerID": f"process://{self.name}-{self.restarts}",
            "ready": self.ready,
            "started": self.running,
            "restartCount": self.restarts,
            "state": self._state(),
            "lastState": {"terminated": self.last} if self.last else {},
        }

    def terminated(self) -> dict[str, JsonValue]:
        return {
            "exitCode": self.exited or 0,
            "reason": "Error" if self.exited else "Completed",
            "startedAt": self.started,
            "finishedAt": self.finished,
        }

    def _state(self) -> dict[str, JsonValue]:
        if self.waiting:
            return {"waiting": {"reason": self.waiting, "message": self.message}}
        if self.exited is not None:
            return {"terminated": self.terminated()}
        return {"running": {"startedAt": self.started}}


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: TID251  the node's clock


def phase(states: list[State], policy: str) -> str:
    """The phase that the states of all containers add up to."""
    if any(each.running for each in states):
        return "Running"
    ended = [each.exited for each in states if each.exited is not None and not each.waiting]
    if len(ended) == len(states) and policy != "Always":
        return "Failed" if any(ended) else "Succeeded"
    return "Running" if any(each.restarts or each.started for each in states) else "Pending"


def report(
    pod: KubeObject, states: list[State], first: list[State], addresses: tuple[str, str]
) -> dict[str, JsonValue]:
    """The whole status; conditions keep the time of their last change."""
    address, host = addresses
    policy = text_at(pod, "spec", "restartPolicy")
    ready = bool(states) and all(each.ready for each in states) and not _leaving(pod)
    wanted = {
        "PodScheduled": True,
        "Initialized": all(each.exited == 0 for each in first),
        "ContainersReady": ready,
        "Ready": ready,
    }
    conditions = _conditions(pod, wanted)
    return {
        "phase": phase(states, policy),
        "conditions": conditions,
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": text_at(pod, "status", "startTime") or now(),
        "containerStatuses": [each.shown() for each in states],
        "initContainerStatuses": [each.shown() for each in first],
    }


def _conditions(pod: KubeObject, wanted: dict[str, bool]) -> list[JsonValue]:
    before = {text_at(each, "type"): each for each in maps_at(pod, "status", "conditions")}
    return [_condition(name, holds, before.get(name)) for name, holds in wanted.items()]


def _leaving(pod: KubeObject) -> bool:
    return bool(text_at(pod, "metadata", "deletionTimestamp"))


def _condition(name: str, holds: bool, before: KubeObject | None) -> dict[str, JsonValue]:
    status = "True" if holds else "False"
    since = text_at(before, "lastTransitionTime") if before else ""
    if not before or text_at(before, "status") != status:
        since = now()
    shown: dict[str, JsonValue] = {"type": name, "status": status, "lastTransitionTime": since}
    if not holds:
        shown |= {"reason": "ContainersNotReady", "message": "containers are not ready"}
    return shown
