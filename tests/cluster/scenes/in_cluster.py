"""What the examples of nginx find in a cluster: a worker that knows its names, and ingress-nginx.

The worker is a pod, so that hooks may name Services. ingress-nginx's own Service leads to Traefik,
which carries out ingress-nginx's annotations, and its metrics are Traefik's, translated.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import JsonValue

from activities.kube.objects import KubeObject
from tests.cluster.scenes.engine import CLUSTER, Engine
from tests.cluster.session import Cluster

EVERYWHERE = "0.0.0.0"
"""Where Temporal listens for pods to reach it."""
TRANSLATOR = "ingress-metrics"


def running(
    name: str,
    namespace: str,
    container: KubeObject,
    environment: dict[str, str],
    **annotations: str,
) -> KubeObject:
    """A Deployment of one pod."""
    labels: JsonValue = {"app": name}
    env: list[JsonValue] = [{"name": key, "value": environment[key]} for key in environment]
    spec: JsonValue = {
        "terminationGracePeriodSeconds": 12,
        "containers": [{"name": name, **container, "env": env}],
    }
    template: JsonValue = {
        "metadata": {"labels": labels, "annotations": {**annotations}},
        "spec": spec,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


def worker(engine: Engine, home: Path, namespace: str) -> KubeObject:
    """`serinus worker` as a pod; Temporal listens on this machine."""
    facts = engine.cluster.facts
    environment = {
        "SERINUS_HOME": str(home),
        "SERINUS_PLATFORM": "kubernetes",
        "SERINUS_CLUSTER": CLUSTER,
        "SERINUS_METRICS_SERVER": facts.prometheus_url,
        "SERINUS_ROUTER_METRICS": f"{facts.traefik_url}/metrics",
        "KUBECONFIG": str(facts.kubeconfig),
        "TEMPORAL_ADDRESS": f"{urlsplit(facts.control_url).hostname}:{engine.known.temporal}",
        **engine.more,
    }
    return running("worker", namespace, {"image": "serinus", "args": ["worker"]}, environment)


async def ingress_nginx(cluster: Cluster, of_namespace: str, ingress: str) -> None:
    """Namespace, Service and metrics of ingress-nginx."""
    place = {"name": "ingress-nginx-controller", "namespace": "ingress-nginx"}
    await cluster.namespace(place["namespace"])
    ports: list[JsonValue] = [{"name": "http", "port": 80, "protocol": "TCP"}]
    owned: JsonValue = {"kubernetes.io/service-name": place["name"]}
    node = urlsplit(cluster.ingress_url).hostname
    await cluster.image(TRANSLATOR, sys.executable, "-m", "tests.cluster.scenes.ingress_metrics")
    environment = {
        "TRAEFIK": f"{cluster.facts.traefik_url}/metrics",
        "NAMESPACE": of_namespace,
        "INGRESS": ingress,
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    translator = running(
        TRANSLATOR, place["namespace"], {"image": TRANSLATOR}, environment, **scraped
    )
    await cluster.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {**place},
                "spec": {"ports": ports},
            },
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {**place, "labels": owned},
                "addressType": "IPv4",
                "endpoints": [{"addresses": [node], "conditions": {"ready": True}}],
                "ports": ports,
            },
            translator,
        ],
        place["namespace"],
    )
    await cluster.ready(TRANSLATOR, place["namespace"])
