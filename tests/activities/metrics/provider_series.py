"""The series of every provider as its exporters write them, for a real Prometheus to scrape.

The exporter counts 90 good and 10 bad requests of the canary a scrape, and beside them many bad
ones of the primary, which no query may count. 90 of 100 requests take at most 100 ms, all of them
at most 200 ms: the 99th percentile is 190 ms.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from workflows.model.provider import Provider
from workflows.model.target import TargetKind
from workflows.queries.subject import Subject

Labels = Mapping[str, str]
STATUS = ("200", "503")
SECONDS = 1000


@dataclass(frozen=True)
class Case:
    """One provider's series; `status` is the name and the two values of the label that says it."""

    provider: Provider
    counter: str
    histogram: str
    labels: Labels
    primary: Labels
    status: str = "code"
    values: tuple[str, str] = STATUS
    unit: int = 1
    kind: TargetKind = TargetKind.DEPLOYMENT
    namespace: str = "test"
    buckets: bool = True
    bad: int = 10
    more: Labels = field(default_factory=dict[str, str])

    @property
    def name(self) -> str:
        return f"{self.provider.value} {self.kind.value} {self.namespace}"

    @property
    def subject(self) -> Subject:
        return Subject(
            namespace=self.namespace,
            target="shop",
            kind=self.kind,
            service="front",
            ingress="edge",
            route="road",
            window="3s",
        )


DEPLOYED = "shop-6bf9f9b4b4-x2x9v"
PRIMARY = "shop-primary-6bf9f9b4b4-x2x9v"
APP = ("http_request_duration_seconds_count", "http_request_duration_seconds")
ENVOY = ("envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time")


def pods(namespace: str, pod: str, style: str) -> Labels:
    if style == "flagger":
        return {"kubernetes_namespace": namespace, "kubernetes_pod_name": pod}
    return {"namespace": namespace, "pod": pod}


def of_pods(provider: Provider, namespace: str, style: str, *, daemon: bool = False) -> Case:
    mesh = provider is Provider.APPMESH
    return Case(
        provider,
        *(ENVOY if mesh else APP),
        pods(namespace, "shop-x2x9v" if daemon else DEPLOYED, style),
        pods(namespace, "shop-primary-x2x9v" if daemon else PRIMARY, style),
        status="envoy_response_code" if mesh else "status" if style == "flagger" else "code",
        unit=1 if mesh else SECONDS,
        kind=TargetKind.DAEMON_SET if daemon else TargetKind.DEPLOYMENT,
        namespace=namespace,
    )


def of_envoy(provider: Provider, label: str, cluster: str) -> Case:
    other = cluster.replace("canary", "primary").replace("road", "older")
    return Case(provider, *ENVOY, {label: cluster}, {label: other}, "envoy_response_code")


ISTIO = ("istio_requests_total", "istio_request_duration_milliseconds")
CASES = [
    of_pods(Provider.KUBERNETES, "bundled", "flagger"),
    of_pods(Provider.GATEWAY_API_V1, "operator", "operator"),
    of_pods(Provider.KUBERNETES, "daemons", "flagger", daemon=True),
    of_pods(Provider.GATEWAY_API_V1BETA1, "daemons2", "operator", daemon=True),
    of_pods(Provider.APPMESH, "mesh", "operator"),
    Case(
        Provider.KUBERNETES,
        *APP,
        {"namespace": "core", "service": "front-canary"},
        {"namespace": "core", "service": "front-primary"},
        unit=SECONDS,
        kind=TargetKind.SERVICE,
        namespace="core",
    ),
    Case(
        Provider.ISTIO,
        *ISTIO,
        {"reporter": "destination", "destination_workload_namespace": "test",
         "destination_workload": "shop"},
        {"reporter": "destination", "destination_workload_namespace": "test",
         "destination_workload": "shop-primary"},
        "response_code",
    ),
    Case(
        Provider.ISTIO,
        *ISTIO,
        {"reporter": "source", "destination_service_namespace": "test",
         "destination_service_name": "front-canary"},
        {"reporter": "source", "destination_service_namespace": "test",
         "destination_service_name": "front-primary"},
        "response_code",
        kind=TargetKind.SERVICE,
    ),
    Case(
        Provider.LINKERD,
        "response_total",
        "response_latency_ms",
        {"direction": "inbound", "namespace": "test", "deployment": "shop"},
        {"direction": "inbound", "namespace": "test", "deployment": "shop-primary"},
        "classification",
        ("success", "failure"),
    ),
    Case(
        Provider.LINKERD,
        "response_total",
        "response_latency_ms",
        {"direction": "inbound", "namespace": "test", "daemonset": "shop"},
        {"direction": "inbound", "namespace": "test", "daemonset": "shop-primary"},
        "classification",
        ("success", "failure"),
        kind=TargetKind.DAEMON_SET,
    ),
    Case(
        Provider.OSM,
        "osm_request_total",
        "osm_request_duration_ms",
        {"destination_namespace": "test", "destination_kind": "Deployment",
         "destination_name": "shop"},
        {"destination_namespace": "test", "destination_kind": "Deployment",
         "destination_name": "shop-primary"},
        "response_code",
    ),
    replace(of_pods(Provider.KUBERNETES, "all-good", "flagger"), bad=0),
    replace(of_pods(Provider.KUBERNETES, "all-bad", "flagger"), bad=100),
    of_envoy(Provider.CONTOUR, "envoy_cluster_name", "test_front-canary_80"),
    of_envoy(Provider.GLOO, "envoy_cluster_name", "test-front-canaryupstream-80_gloo-system"),
    of_envoy(Provider.KUMA, "exported_service", "front-canary_test_svc_80"),
    of_envoy(Provider.KNATIVE, "envoy_cluster_name", "test/road"),
    Case(
        Provider.NGINX,
        "nginx_ingress_controller_requests",
        "nginx_ingress_controller_response_duration_seconds",
        {"exported_namespace": "test", "namespace": "ingress-nginx", "ingress": "edge",
         "canary": "test-front-canary-80"},
        {"exported_namespace": "test", "namespace": "ingress-nginx", "ingress": "edge",
         "canary": ""},
        "status",
        unit=SECONDS,
    ),
    Case(
        Provider.NGINX,
        "nginx_ingress_controller_requests",
        "nginx_ingress_controller_response_duration_seconds",
        {"namespace": "means", "ingress": "edge", "canary": "test-front-canary-80"},
        {"namespace": "means", "ingress": "edge", "canary": ""},
        "status",
        unit=SECONDS,
        namespace="means",
        buckets=False,
    ),
    Case(
        Provider.SKIPPER,
        "skipper_response_duration_seconds_count",
        "skipper_serve_route_duration_seconds",
        {"route": "kube_test__edge_canary__shop_test__front_canary"},
        {"route": "kube_test__edge__shop_test__front_primary"},
        unit=SECONDS,
    ),
    Case(
        Provider.TRAEFIK,
        "traefik_service_requests_total",
        "traefik_service_request_duration_seconds",
        {"service": "test-front-canary-80@kubernetescrd"},
        {"service": "test-front-primary-80@kubernetescrd"},
        unit=SECONDS,
    ),
    Case(
        Provider.APISIX,
        "apisix_http_status",
        "apisix_http_latency",
        {"route": "test_road-front-canary_rule"},
        {"route": "test_road_rule"},
        more={"type": "request"},
    ),
]  # fmt: skip


def line(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {value}\n"


def histogram(case: Case, labels: Labels, fast: float, every: float) -> str:
    bounds = [("0.1", fast), ("0.2", every)] if case.unit == SECONDS else []
    bounds = bounds or [("100", fast), ("200", every)]
    labels = {**labels, **case.more}
    text = "".join(
        line(f"{case.histogram}_bucket", {**labels, "le": bound}, count)
        for bound, count in [*bounds, ("+Inf", every)]
        if case.buckets
    )
    text += line(f"{case.histogram}_sum", labels, every * 50 / case.unit)
    if f"{case.histogram}_count" != case.counter:
        text += line(f"{case.histogram}_count", labels, every)
    return text


def the_page(scrapes: int) -> str:
    """What the exporter has counted after so many scrapes."""
    text = ""
    for case in CASES:
        good, bad = ({case.status: value} for value in case.values)
        for status, share in ((good, 100 - case.bad), (bad, case.bad)):
            if share:
                text += line(case.counter, {**case.labels, **status}, share * scrapes)
        text += line(case.counter, {**case.primary, **bad}, 1000 * scrapes)
        text += histogram(case, case.labels, 90 * scrapes, 100 * scrapes)
        text += histogram(case, case.primary, 0, 1000 * scrapes)
    return text
