"""Traefik on the node: the data plane of three providers at once; started by the keeper."""

from collections.abc import Sequence
from pathlib import Path

from activities.kube.objects import KubeObject
from tests.cluster.network import NODE, Network, inside
from worker.stack.programs import require

PROVIDERS = ("kubernetescrd", "kubernetesingressnginx", "kubernetesgateway")
ADMIN = 8080


def command(network: Network, server: str, token: Path, certificate: Path) -> list[str]:
    arguments = [
        f"--entrypoints.web.address={network.node}:80",
        f"--entrypoints.traefik.address={network.node}:{ADMIN}",
        "--api.insecure=true",
        "--ping=true",
        "--metrics.prometheus.addrouterslabels=true",
        "--metrics.prometheus.addserviceslabels=true",
        "--providers.providersthrottleduration=100ms",
        "--providers.kubernetescrd.allowcrossnamespace=true",
        "--providers.kubernetescrd.allowemptyservices=true",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=WARN",
    ]
    for name in PROVIDERS:
        arguments += [
            f"--providers.{name}=true",
            f"--providers.{name}.endpoint={server}",
            f"--providers.{name}.token={token.read_text()}",
            f"--providers.{name}.certauthfilepath={certificate}",
        ]
    return inside(NODE, str(require("traefik")), *arguments)


def objects(network: Network) -> Sequence[KubeObject]:
    """Its classes, and a Service by which pods reach it: `traefik.traefik`."""
    place = {"name": "traefik", "namespace": "traefik"}
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "traefik"}},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "nginx"},
            "spec": {"controller": "k8s.io/ingress-nginx"},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": "traefik"},
            "spec": {"controllerName": "traefik.io/gateway-controller"},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**place},
            "spec": {"ports": [{"name": "web", "port": 80, "protocol": "TCP"}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**place, "labels": {"kubernetes.io/service-name": "traefik"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [network.node], "conditions": {"ready": True}}],
            "ports": [{"name": "web", "port": 80, "protocol": "TCP"}],
        },
    )
