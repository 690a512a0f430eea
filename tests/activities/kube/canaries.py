"""A Canary, its Deployment and what belongs to them, as an API server holds them."""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref
from workflows.model.identity import Slot

SLOT = Slot(cluster="here", namespace="shop", name="web")
CANARY = Ref("flagger.app/v1beta1", "Canary", "web", "shop")
DEPLOYMENT = Ref("apps/v1", "Deployment", "web", "shop")
STATE = Ref("v1", "ConfigMap", "web-serinus", "shop")


def canary(**spec: JsonValue) -> KubeObject:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {
            "name": "web", "namespace": "shop", "annotations": {"a": "b"},
            "managedFields": [{"manager": "kubectl", "operation": "Apply"}],
        },
        "spec": {
            "provider": "traefik",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "service": {"port": 80, "targetPort": "http"},
            "analysis": {"interval": "5s", "threshold": 2, "stepWeight": 50, "maxWeight": 50},
            **spec,
        },
        "status": {"phase": "Initialized", "conditions": [{"type": "Promoted"}]},
    }  # fmt: skip


def deployment(image: str = "web:1", **pod: JsonValue) -> KubeObject:
    container: JsonValue = {"name": "web", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"team": "a"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [container], **pod},
            },
        },
        "status": {"readyReplicas": 2},
    }


def config_map(name: str, **data: str) -> KubeObject:
    return {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "shop"}, "data": {**data}}  # fmt: skip


def template(name: str, namespace: str) -> KubeObject:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"provider": {"type": "prometheus", "address": "http://prom:9090"},
                 "query": "up"},
    }  # fmt: skip


def policy(**spec: JsonValue) -> KubeObject:
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "careful", "namespace": "shop"},
        "spec": spec,
    }
