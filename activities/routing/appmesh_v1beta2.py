"""App Mesh v1beta2: routes stand in a VirtualRouter, which a VirtualService names."""

from pydantic import JsonValue

from activities.kube.objects import Ref, maps_at
from activities.routing import appmesh_routes as mesh
from activities.routing.apex_object import all_claimed, undone
from activities.routing.parts import JsonMap, metadata, object_of, port, refuse_mirror
from activities.routing.router import Live, Rollout, RouteError, Wanted
from workflows.model.plan import Routes

_API = "appmesh.k8s.aws/v1beta2"
_ALL_CANARY = Routes(primary=0, canary=100)


def _retry(attempts: int, wait: int, events: list[JsonValue]) -> JsonMap:
    return {
        "perRetryTimeout": mesh.milliseconds(wait / 1000),
        "maxRetries": attempts,
        "httpRetryEvents": events,
    }


_WORDS = mesh.Words(
    http="httpRoute",
    target=lambda name: {"virtualNodeRef": {"name": name}},
    target_path=("virtualNodeRef", "name"),
    retry=_retry,
    timeout=True,
)


class AppMeshV1Beta2Router:
    """By weight and by headers."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        nodes = (rollout.primary, rollout.canary_service)
        ways = (rollout.apex, rollout.canary_service)
        return (
            *(_ref(rollout, "VirtualNode", name) for name in nodes),
            *(_ref(rollout, kind, name)
              for kind in ("VirtualRouter", "VirtualService") for name in ways),
        )  # fmt: skip

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        refuse_mirror(rollout, routes, "appmesh:v1beta2")
        value = rollout.selector_label[1]
        direct = mesh.rule(rollout, rollout.canary_service, _ALL_CANARY, _WORDS)
        objects = (
            _node(rollout, rollout.primary, f"{value}-primary"),
            _node(rollout, rollout.canary_service, value),
            _router(rollout, rollout.apex, mesh.rules(rollout, routes, _WORDS)),
            _router(rollout, rollout.canary_service, [direct]),
            _service(rollout, rollout.apex),
            _service(rollout, rollout.canary_service),
        )
        return all_claimed(rollout, objects, live)

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        router = live.get(_ref(rollout, "VirtualRouter", rollout.apex), {})
        return mesh.routes_of(rollout, maps_at(router, "spec", "routes"), _WORDS)

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        missing = (ref for ref in self.reads(rollout) if ref not in live)
        return next((f"{ref} does not exist" for ref in missing), None)

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        return undone(rollout, self.reads(rollout), live)


def _ref(rollout: Rollout, kind: str, name: str) -> Ref:
    return Ref(_API, kind, name, rollout.namespace)


def _container_port(rollout: Rollout) -> int:
    target = rollout.canary.service.target_port
    if isinstance(target, str):
        raise RouteError(f"Canary {rollout.namespace}/{rollout.name}: service.targetPort "
                         f"{target!r} must be a number for appmesh:v1beta2")  # fmt: skip
    return target or port(rollout)


def _listener(rollout: Rollout) -> JsonMap:
    return mesh.listener(_container_port(rollout), rollout)


def _node(rollout: Rollout, name: str, pods: str) -> JsonMap:
    ref = _ref(rollout, "VirtualNode", name)
    service, listener = rollout.canary.service, _listener(rollout)
    if service.timeout is not None:
        limit = mesh.milliseconds(service.timeout.total_seconds())
        listener["timeout"] = {"http": {"perRequest": limit}}
    host = f"{name}.{rollout.namespace}.svc.cluster.local."
    spec: JsonMap = {
        "listeners": [listener],
        "serviceDiscovery": {"dns": {"hostname": host}},
        "podSelector": {"matchLabels": {rollout.selector_label[0]: pods}},
        **mesh.access_log(rollout),
    }
    backends: list[JsonValue] = [_backend(each) for each in service.backends]
    return object_of(ref, metadata(ref), {**spec, "backends": backends} if backends else spec)


def _backend(name: str) -> JsonMap:
    if name.startswith("arn:aws"):
        return {"virtualService": {"virtualServiceARN": name}}
    return {"virtualService": {"virtualServiceRef": {"name": name}}}


def _router(rollout: Rollout, name: str, routes: list[JsonValue]) -> JsonMap:
    ref = _ref(rollout, "VirtualRouter", name)
    spec: JsonMap = {"listeners": [_listener(rollout)], "routes": routes}
    return object_of(ref, metadata(ref), spec)


def _service(rollout: Rollout, name: str) -> JsonMap:
    ref = _ref(rollout, "VirtualService", name)
    exposed = name == rollout.apex
    meta = metadata(ref, annotations=mesh.gateway_annotations(rollout) if exposed else {})
    named: JsonMap = {"virtualRouter": {"virtualRouterRef": {"name": name}}}
    return object_of(ref, meta, {"provider": named})


APPMESH_V1BETA2 = AppMeshV1Beta2Router()
