"""Routers made of Envoy, which name the upstream cluster: Contour, Gloo, Kuma, Knative."""

from workflows.queries.promql import Counted, Signals, Timed
from workflows.queries.subject import Subject, exactly

_SERIES = "envoy_cluster_upstream_rq"
_REST = "[0-9a-zA-Z-]+"


def contour(of: Subject) -> Signals:
    cluster = f"{exactly(of.namespace)}_{exactly(of.canary)}_{_REST}"
    return _signals(f'envoy_cluster_name=~"{cluster}"')


def gloo(of: Subject) -> Signals:
    """The upstream is named after the service, which need not be the target's name."""
    upstream = f"{exactly(of.namespace)}-{exactly(of.service)}-canaryupstream-{_REST}_{_REST}"
    return _signals(f'envoy_cluster_name=~"{upstream}"')


def kuma(of: Subject) -> Signals:
    """`service` is also a label that a ServiceMonitor sets; Prometheus then renames this one."""
    service = f"{exactly(of.canary)}_{exactly(of.namespace)}_svc_{_REST}"
    return _signals(f'service=~"{service}"', f'exported_service=~"{service}"')


def knative(of: Subject) -> Signals:
    return _signals(f'envoy_cluster_name="{of.namespace}/{of.route}"')


def _signals(*selectors: str) -> Signals:
    return Signals(
        Counted(_SERIES, selectors, ('envoy_response_code=~"5.*"',)),
        Timed(f"{_SERIES}_time", selectors),
    )
