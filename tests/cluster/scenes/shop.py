"""The demo shop as a target on a cluster, with a Canary for each way of routing it."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

Obj = dict[str, JsonValue]


def deployment(
    namespace: str,
    version: str,
    *,
    name: str = "shop",
    replicas: int = 2,
    probe: str = "/readyz",
    **env: str,
) -> Obj:
    """`env` are the shop's faults: ERROR_RATE, LATENCY_MS, NOT_READY."""
    variables: list[JsonValue] = [{"name": key, "value": value} for key, value in env.items()]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {
                    "labels": {"app": name},
                    "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
                },
                "spec": {
                    "terminationGracePeriodSeconds": 10,
                    "containers": [
                        {
                            "name": "shop",
                            "image": f"shop:{version}",
                            "env": variables,
                            "ports": [{"name": "http", "containerPort": 8080}],
                            "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
                            "readinessProbe": {
                                "httpGet": {"path": probe, "port": "http"},
                                "periodSeconds": 1,
                            },
                        }
                    ],
                },
            },
        },
    }


def canary(
    namespace: str,
    provider: str,
    analysis: Mapping[str, JsonValue],
    *,
    name: str = "shop",
    **spec: JsonValue,
) -> Obj:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "provider": provider,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "progressDeadlineSeconds": 60,
            "service": {"port": 80, "targetPort": 8080},
            "analysis": dict(analysis),
            **spec,
        },
    }


def ingress_route(namespace: str, host: str, *, name: str = "shop") -> Obj:
    """The user's own: sends the host to the TraefikService that Serinus writes."""
    services: Sequence[JsonValue] = [{"kind": "TraefikService", "name": name}]
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "entryPoints": ["web"],
            "routes": [{"kind": "Rule", "match": f"Host(`{host}`)", "services": list(services)}],
        },
    }


def policy(namespace: str, **spec: JsonValue) -> Obj:
    """For every Canary of the namespace."""
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "tests", "namespace": namespace},
        "spec": dict(spec),
    }
