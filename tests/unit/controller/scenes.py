"""A cluster with Canaries, as its objects; used by the tests of the controller."""

from collections.abc import Mapping

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref

Json = dict[str, JsonValue]


def a_canary(
    name: str = "podinfo",
    *,
    namespace: str = "test",
    status: Mapping[str, JsonValue] | None = None,
    metadata: Mapping[str, JsonValue] | None = None,
    analysis: Mapping[str, JsonValue] | None = None,
    **spec: JsonValue,
) -> Json:
    target: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    judged: Json = {"interval": "10s", "threshold": 2, "stepWeight": 10, "maxWeight": 50}
    canary: Json = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}",
                     **(metadata or {})},
        "spec": {
            "provider": "istio",
            "targetRef": target,
            "service": {"port": 9898},
            "analysis": {**judged, **(analysis or {})},
            **spec,
        },
    }  # fmt: skip
    return {**canary, "status": dict(status)} if status is not None else canary


def a_deployment(
    name: str = "podinfo",
    *,
    namespace: str = "test",
    image: str = "podinfo:1",
    secret: str = "",
    generation: int = 1,
    **status: JsonValue,
) -> Json:
    container: Json = {"name": name, "image": image}
    if secret:
        container["envFrom"] = [{"secretRef": {"name": secret}}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "generation": generation},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}},
        "status": status,
    }


def a_secret(name: str, value: str, *, namespace: str = "test") -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": {"key": value},
    }


def canary_ref(name: str = "podinfo", namespace: str = "test") -> Ref:
    return Ref("flagger.app/v1beta1", "Canary", name, namespace)


def condition(canary: KubeObject, type_: str) -> Mapping[str, JsonValue]:
    status = canary.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    for each in conditions if isinstance(conditions, list) else []:
        if isinstance(each, dict) and each.get("type") == type_:
            return each
    return {}
