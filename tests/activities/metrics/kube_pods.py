"""Services, EndpointSlices and Pods in memory whose metrics pages are real servers on loopback."""

import json
from dataclasses import dataclass

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref
from tests.activities.metrics.provider_server import Provider
from tests.fakes_kube import InMemoryKube

NAMESPACE = "test"


def a_slice(service: str, *endpoints: KubeObject, number: int = 1, port: int = 80) -> KubeObject:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-{number}",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": service},
        },
        "endpoints": [dict(each) for each in endpoints],
        "ports": [{"name": "http", "port": port}],
    }


def an_endpoint(pod: str, *, ready: bool | None = True, address: str = "127.0.0.1") -> KubeObject:
    conditions: dict[str, JsonValue] = {} if ready is None else {"ready": ready}
    return {
        "addresses": [address],
        "conditions": conditions,
        "targetRef": {"kind": "Pod", "name": pod, "namespace": NAMESPACE},
    }


def a_pod(name: str, url: str, path: str = "/stats") -> KubeObject:
    annotations: dict[str, JsonValue] = {
        "prometheus.io/port": url.rpartition(":")[2],
        "prometheus.io/path": path,
    }
    metadata: dict[str, JsonValue] = {
        "name": name,
        "namespace": NAMESPACE,
        "annotations": annotations,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def slice_ref(service: str, number: int = 1) -> Ref:
    return Ref("discovery.k8s.io/v1", "EndpointSlice", f"{service}-{number}", NAMESPACE)


@dataclass
class Pod:
    """A pod that counts."""

    name: str
    server: Provider
    good: int = 0
    bad: int = 0

    def counts(self, good: int, bad: int = 0) -> None:
        """What it has counted in all."""
        self.good, self.bad = good, bad
        self.server.says(
            200,
            f'http_requests_total{{status="200"}} {good}\n'
            f'http_requests_total{{status="500"}} {bad}\n',
        )

    def put(self, api: InMemoryKube) -> None:
        api.put(a_pod(self.name, self.server.url))


def an_answer(value: float) -> str:
    return json.dumps(
        {"status": "success", "data": {"resultType": "scalar", "result": [0, str(value)]}}
    )
