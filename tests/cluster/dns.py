"""Names of Services for pods, and what Prometheus scrapes: files that follow the API.

Run by `tests.cluster.keeper`; dnsmasq and Prometheus notice changed files themselves.
"""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

from activities.kube.objects import KubeObject, list_at, text_at, texts_at
from tests.cluster.network import NODE, Network, inside
from tests.cluster.rest import Rest

HOSTS = Path("/run/hosts")
SCRAPED = Path("/run/scraped")


def dnsmasq(network: Network) -> list[str]:
    HOSTS.mkdir()
    return inside(
        NODE,
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--log-facility=-",
        "--pid-file=",
        "--user=root",
        "--no-resolv",
        "--no-hosts",
        f"--hostsdir={HOSTS}",
        f"--listen-address={network.node}",
        "--bind-interfaces",
        "--local=/cluster.local/",
    )


async def follow_services(rest: Rest) -> AsyncGenerator[str]:
    """One hosts file a Service; yields the name of a Service that has left."""
    async for change, service in rest.follow("/api/v1/services"):
        namespace = text_at(service, "metadata", "namespace")
        name = text_at(service, "metadata", "name")
        path = HOSTS / f"{namespace}.{name}"
        if change == "DELETED":
            path.unlink(missing_ok=True)
            yield path.name
        elif text_at(service, "spec", "clusterIP") not in ("", "None"):
            lines = [f"{ip} {name}.{namespace}.svc.cluster.local" for ip in _addresses(service)]
            path.write_text("\n".join(lines) + "\n")


def _addresses(service: KubeObject) -> list[str]:
    return [str(each) for each in list_at(service, "spec", "clusterIPs")]


def prometheus(network: Network, state: Path) -> list[str]:
    """Prometheus, which scrapes Traefik and every pod with the usual annotations."""
    SCRAPED.mkdir()
    jobs = [
        {
            "job_name": "traefik",
            "static_configs": [{"targets": [f"{network.node}:8080"]}],
        },
        {
            "job_name": "kubernetes-pods",
            "file_sd_configs": [{"files": [str(SCRAPED / "*.json")], "refresh_interval": "5m"}],
        },
    ]
    whole = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
    config = state / "prometheus.yml"
    config.write_text(json.dumps(whole))
    return inside(
        NODE,
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={state / 'prometheus'}",
        f"--web.listen-address={network.node}:9090",
        "--log.level=warn",
    )


async def follow_scraped(rest: Rest) -> None:
    """One target file a running pod that is annotated `prometheus.io/scrape: "true"`."""
    async for change, pod in rest.follow("/api/v1/pods"):
        path = SCRAPED / f"{text_at(pod, 'metadata', 'uid')}.json"
        wanted = texts_at(pod, "metadata", "annotations").get("prometheus.io/scrape") == "true"
        address = text_at(pod, "status", "podIP")
        if change == "DELETED" or not wanted:
            path.unlink(missing_ok=True)
        elif address:
            unfinished = path.with_suffix(".new")
            unfinished.write_text(json.dumps([_target(pod, address)]))
            unfinished.rename(path)


def _target(pod: KubeObject, address: str) -> dict[str, object]:
    said = texts_at(pod, "metadata", "annotations")
    namespace, name = (text_at(pod, "metadata", key) for key in ("namespace", "name"))
    labels = {
        "__metrics_path__": said.get("prometheus.io/path", "/metrics"),
        "namespace": namespace,
        "pod": name,
        "kubernetes_namespace": namespace,
        "kubernetes_pod_name": name,
    }
    own = texts_at(pod, "metadata", "labels")
    labels |= {"".join(c if c.isalnum() else "_" for c in key): own[key] for key in own}
    return {"targets": [f"{address}:{said.get('prometheus.io/port', '8080')}"], "labels": labels}
