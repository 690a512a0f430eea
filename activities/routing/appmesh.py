"""App Mesh v1beta1: routes stand inside the VirtualService of the apex."""

from pydantic import JsonValue

from activities.kube.objects import Ref, maps_at
from activities.routing import appmesh_routes as mesh
from activities.routing.apex_object import all_claimed, undone
from activities.routing.parts import JsonMap, metadata, object_of, port, refuse_mirror
from activities.routing.router import Live, Rollout, RouteError, Wanted
from workflows.model.plan import Routes

_API = "appmesh.k8s.aws/v1beta1"
_ALL_CANARY = Routes(primary=0, canary=100)


def _retry(attempts: int, wait: int, events: list[JsonValue]) -> JsonMap:
    return {
        "perRetryTimeoutMillis": wait, "maxRetries": attempts, "httpRetryPolicyEvents": events
    }  # fmt: skip


_WORDS = mesh.Words(
    http="http",
    target=lambda name: {"virtualNodeName": name},
    target_path=("virtualNodeName",),
    retry=_retry,
    timeout=False,
)


class AppMeshRouter:
    """By weight and by headers."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        names = (rollout.apex, rollout.primary, rollout.canary_service)
        return (*(_node_ref(rollout, name) for name in names), *_service_refs(rollout))

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        refuse_mirror(rollout, routes, "appmesh")
        nodes = (
            _node(rollout, rollout.apex, rollout.primary),
            _node(rollout, rollout.primary, rollout.primary),
            _node(rollout, rollout.canary_service, rollout.canary_service),
        )
        apex, canary = _service_refs(rollout)
        direct = mesh.rule(rollout, rollout.canary_service, _ALL_CANARY, _WORDS)
        services = (
            _service(rollout, apex, rollout.apex, mesh.rules(rollout, routes, _WORDS)),
            _service(rollout, canary, rollout.canary_service, [direct]),
        )
        return all_claimed(rollout, (*nodes, *services), live)

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        service = live.get(_service_refs(rollout)[0], {})
        return mesh.routes_of(rollout, maps_at(service, "spec", "routes"), _WORDS)

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        missing = (ref for ref in self.reads(rollout) if ref not in live)
        return next((f"{ref} does not exist" for ref in missing), None)

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        return undone(rollout, self.reads(rollout), live)


def _node_ref(rollout: Rollout, name: str) -> Ref:
    return Ref(_API, "VirtualNode", name, rollout.namespace)


def _service_refs(rollout: Rollout) -> tuple[Ref, Ref]:
    """Named as users reach them: `<service>.<namespace>`."""
    apex, canary = (
        Ref(_API, "VirtualService", f"{name}.{rollout.namespace}", rollout.namespace)
        for name in (rollout.apex, rollout.canary_service)
    )
    return apex, canary


def _mesh(rollout: Rollout) -> str:
    name = rollout.canary.service.mesh_name
    if not name:
        raise RouteError(f"Canary {rollout.namespace}/{rollout.name}: service.meshName is required")
    return name


def _node(rollout: Rollout, name: str, host: str) -> JsonMap:
    ref = _node_ref(rollout, name)
    spec: JsonMap = {
        "meshName": _mesh(rollout),
        "listeners": [mesh.listener(port(rollout), rollout)],
        "serviceDiscovery": {"dns": {"hostName": f"{host}.{rollout.namespace}"}},
        **mesh.access_log(rollout),
    }
    backends: list[JsonValue] = [
        {"virtualService": {"virtualServiceName": each}} for each in rollout.canary.service.backends
    ]
    return object_of(ref, metadata(ref), {**spec, "backends": backends} if backends else spec)


def _service(rollout: Rollout, ref: Ref, router: str, routes: list[JsonValue]) -> JsonMap:
    exposed = router == rollout.apex
    meta = metadata(ref, annotations=mesh.gateway_annotations(rollout) if exposed else {})
    listeners: list[JsonValue] = [mesh.listener(port(rollout), rollout)]
    return object_of(
        ref,
        meta,
        {
            "meshName": _mesh(rollout),
            "virtualRouter": {"name": router, "listeners": listeners},
            "routes": routes,
        },
    )


APPMESH = AppMeshRouter()
