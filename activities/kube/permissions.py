"""What Serinus may do in a cluster: one row for each kind of object that its code asks for.

`worker.rbac` makes the roles of `deploy/kustomize` from it. Whoever writes code that reads or
writes another kind adds a row; a test holds the rows against the code, and the cluster tests run
with these rights and no others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Program(StrEnum):
    """Who asks."""

    WORKER = "worker"
    CONTROLLER = "controller"
    GATEWAY = "gateway"


LOOK_UP = ("get", "list")
WATCH = ("list", "watch")
FOLLOW = ("get", *WATCH)
KEEP = ("get", "create", "update")
"""What a copy needs that is written whole."""
WRITE = ("create", "update", "patch", "delete")
APPLY = ("create", "patch", "delete")
"""What server-side apply needs, and the end of it."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What one program may do with one kind; `why` names the feature or provider that needs it."""

    program: Program
    group: str
    kind: str
    verbs: tuple[str, ...]
    why: str
    subresource: str = ""

    @property
    def resource(self) -> str:
        """The name in an API path: `networkpolicies`, `canaries/status`."""
        plural = _plural(self.kind.lower())
        return f"{plural}/{self.subresource}" if self.subresource else plural


def _plural(word: str) -> str:
    if word.endswith("y") and not word.endswith(("ay", "ey", "oy", "uy")):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch")) else f"{word}s"


def permissions() -> Iterator[Permission]:
    """Every row: what the controller follows, then what the worker writes."""
    for group, kind, verbs, why in _CONTROLLER:
        yield Permission(Program.CONTROLLER, group, kind, verbs, why)
    yield Permission(Program.CONTROLLER, FLAGGER, "Canary", ("patch",),
                     "a Canary that is refused", "status")  # fmt: skip
    for group, kind, verbs, why in _GATEWAY:
        yield Permission(Program.GATEWAY, group, kind, verbs, why)
    for group, kind, verbs, why in (*_STATE, *_TARGETS, *_ROUTES):
        yield Permission(Program.WORKER, group, kind, verbs, why)
    yield Permission(Program.WORKER, FLAGGER, "Canary", ("patch",), "status", "status")
    yield Permission(Program.WORKER, FLAGGER, "Canary", ("update",),
                     "owner references that block deletion", "finalizers")  # fmt: skip


Row = tuple[str, str, tuple[str, ...], str]

CORE = ""
APPS = "apps"
FLAGGER = "flagger.app"
OURS = "serinus.dev"
KNATIVE = "serving.knative.dev"

_CONTROLLER: tuple[Row, ...] = (
    (FLAGGER, "Canary", (*WATCH, "patch"), "what is released; the finalizer of a revert"),
    (FLAGGER, "MetricTemplate", WATCH, "templates that a plan is made with"),
    (OURS, "RolloutPolicy", WATCH, "policies that a plan is made with"),
    (APPS, "Deployment", FOLLOW, "revisions of targets"),
    (APPS, "DaemonSet", FOLLOW, "revisions of targets"),
    (CORE, "Service", FOLLOW, "revisions of targets"),
    (KNATIVE, "Service", FOLLOW, "revisions of targets"),
    (CORE, "ConfigMap", WATCH, "config tracking: checksums only"),
    (CORE, "Secret", WATCH, "config tracking: checksums only"),
)
_GATEWAY: tuple[Row, ...] = (
    (FLAGGER, "Canary", LOOK_UP, "what people and triggers may name"),
    (OURS, "Trigger", ("list",), "what the events of a receiver mean"),
    (CORE, "Secret", ("get",), "the keys of receivers"),
)
_STATE: tuple[Row, ...] = (
    (FLAGGER, "Canary", ("get",), "planning, owner references"),
    (FLAGGER, "MetricTemplate", ("get",), "planning"),
    (FLAGGER, "AlertProvider", ("get",), "alerts"),
    (OURS, "RolloutPolicy", ("list",), "planning"),
    (CORE, "ConfigMap", ("list", *KEEP, "delete"), "the state of slots; copies of tracked configs"),
    (CORE, "Secret", (*KEEP, "delete"), "copies of tracked Secrets; credentials"),
    (APPS, "ControllerRevision", (*LOOK_UP, *APPLY),
     "what was analysed is what is promoted"),
    ("events.k8s.io", "Event", ("create",), "what people are told"),
)  # fmt: skip
_TARGETS: tuple[Row, ...] = (
    (APPS, "Deployment", (*FOLLOW, *WRITE), "targets and their primaries"),
    (APPS, "DaemonSet", (*FOLLOW, *WRITE), "targets and their primaries"),
    (CORE, "Service", (*FOLLOW, *WRITE), "apex, primary and canary Services; targets"),
    (CORE, "Pod", ("get",), "live counters of pods"),
    ("discovery.k8s.io", "EndpointSlice", ("list", "watch"), "whose pods serve a Service"),
    ("autoscaling", "HorizontalPodAutoscaler", (*KEEP, "patch"), "autoscalerRef"),
    ("keda.sh", "ScaledObject", (*KEEP, "patch"), "autoscalerRef"),
    (KNATIVE, "Service", (*FOLLOW, "patch"), "provider knative"),
)
ROUTE = (*FOLLOW, *APPLY)
"""Routes are watched until the data plane says that it has taken them."""
_ROUTES: tuple[Row, ...] = (
    ("networking.istio.io", "VirtualService", ROUTE, "provider istio"),
    ("networking.istio.io", "DestinationRule", ROUTE, "provider istio"),
    ("gateway.networking.k8s.io", "HTTPRoute", ROUTE, "providers gatewayapi:*"),
    ("split.smi-spec.io", "TrafficSplit", ROUTE, "providers linkerd, osm, smi:*"),
    ("appmesh.k8s.aws", "VirtualNode", ROUTE, "providers appmesh, appmesh:v1beta2"),
    ("appmesh.k8s.aws", "VirtualService", ROUTE, "providers appmesh, appmesh:v1beta2"),
    ("appmesh.k8s.aws", "VirtualRouter", ROUTE, "provider appmesh:v1beta2"),
    ("projectcontour.io", "HTTPProxy", ROUTE, "provider contour"),
    ("gateway.solo.io", "RouteTable", ROUTE, "provider gloo"),
    ("gloo.solo.io", "Upstream", ROUTE, "provider gloo"),
    ("networking.k8s.io", "Ingress", ROUTE, "providers nginx, skipper"),
    ("traefik.io", "TraefikService", ROUTE, "provider traefik"),
    ("apisix.apache.org", "ApisixRoute", ROUTE, "provider apisix"),
    ("kuma.io", "TrafficRoute", ROUTE, "provider kuma"),
)
