"""Data planes beside Traefik, as pods: Contour with Envoy, and Skipper.

Both are built from their Go modules; Envoy comes as a Python package. Started by the tests that
count what they do, so that no other test waits for them.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from activities.kube.objects import KubeObject, text_at
from tests.cluster.binaries import program
from tests.cluster.crds import crds
from tests.cluster.scenes.in_cluster import running
from tests.cluster.session import Cluster

CONTOUR, SKIPPER = "projectcontour", "skipper"
XDS, WEB = 8001, 8080


async def contour(cluster: Cluster) -> str:
    """The address of an Envoy that does what HTTPProxies say."""
    await cluster.apply(crds("contour"))
    await _allowed(cluster, CONTOUR)
    await cluster.image("contour", str(program("contour")), "serve")
    served = (
        "--incluster", "--insecure", "--xds-address=0.0.0.0", f"--xds-port={XDS}",
        "--envoy-service-http-address=0.0.0.0", f"--envoy-service-http-port={WEB}",
        "--http-address=0.0.0.0", "--disable-leader-election",
    )  # fmt: skip
    await _pod(cluster, CONTOUR, "contour", served, {"xds": (XDS, XDS)})
    envoy = shutil.which("envoy", path=str(Path(sys.executable).parent))
    assert envoy is not None
    start = (
        'f=$(mktemp -d) && "$0" bootstrap "$f/envoy.json" --resources-dir="$f"'
        f' --admin-address="$f/admin.sock" --xds-address=contour.{CONTOUR} --xds-port={XDS}'
        ' && exec "$1" -c "$f/envoy.json" --service-cluster envoy --service-node envoy'
        " --disable-hot-restart --concurrency 1 --log-level warning"
    )
    await cluster.image("envoy", "/bin/sh", "-c", start, str(program("contour")), envoy)
    await _pod(cluster, CONTOUR, "envoy", (), {"web": (80, WEB)})
    return await _address(cluster, CONTOUR, "envoy")


async def skipper(cluster: Cluster) -> str:
    """The address of a Skipper that does what Ingresses of the class `skipper` say."""
    await _allowed(cluster, SKIPPER)
    await cluster.image("skipper", str(program("skipper")))
    served = (
        "-kubernetes", "-kubernetes-in-cluster", "-kubernetes-path-mode=path-prefix",
        "-enable-kubernetes-endpointslices", "-kubernetes-ingress-class=skipper",
        f"-address=:{WEB}", "-proxy-preserve-host", "-source-poll-timeout=250",
        "-wait-first-route-load", "-access-log-disabled",
    )  # fmt: skip
    await _pod(cluster, SKIPPER, "skipper", served, {"web": (80, WEB)})
    return await _address(cluster, SKIPPER, "skipper")


async def gone(cluster: Cluster) -> None:
    """Remove both."""
    for name in (CONTOUR, SKIPPER):
        await cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")


async def _allowed(cluster: Cluster, namespace: str) -> None:
    """Its own manifests say less; what it may do is not what is tested."""
    await cluster.namespace(namespace)
    subject: JsonValue = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    group = "rbac.authorization.k8s.io"
    role: JsonValue = {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"}
    binding: KubeObject = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"data-plane-{namespace}"},
        "roleRef": role,
        "subjects": [subject],
    }
    await cluster.apply([binding])


async def _pod(
    cluster: Cluster,
    namespace: str,
    name: str,
    arguments: Sequence[str],
    ports: dict[str, tuple[int, int]],
) -> None:
    """A Deployment and the Service that leads to it."""
    container: dict[str, JsonValue] = {"image": name, "args": list(arguments)}
    if name != "envoy":  # which listens only once a HTTPProxy asks for it
        _, port = next(iter(ports.values()))
        container["readinessProbe"] = {"tcpSocket": {"port": port}, "periodSeconds": 1}
    wired: list[JsonValue] = [
        {"name": each, "port": outer, "targetPort": inner, "protocol": "TCP"}
        for each, (outer, inner) in ports.items()
    ]
    service: KubeObject = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": wired},
    }
    own = {"CONTOUR_NAMESPACE": namespace}
    await cluster.apply([service, running(name, namespace, container, own)], namespace)
    await cluster.ready(name, namespace)


async def _address(cluster: Cluster, namespace: str, name: str) -> str:
    found = await cluster.get("v1", "Service", name, namespace)
    return f"http://{text_at(found or {}, 'spec', 'clusterIP')}"
