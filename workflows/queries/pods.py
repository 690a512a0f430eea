"""Providers whose series come from the canary's own pods: what the application or a sidecar counts.

Kubernetes, Gateway API and App Mesh. The labels `kubernetes_*` are those of Flagger's Prometheus,
`namespace`, `pod` and `service` those of the Prometheus Operator.
"""

from workflows.queries.promql import Counted, Signals, Timed
from workflows.queries.subject import Subject

_REQUESTS = "http_request_duration_seconds"
_ENVOY = "envoy_cluster_upstream_rq"


def application(of: Subject) -> Signals:
    """Instrumented for Prometheus; the status is called `status` or `code`."""
    selectors = _selectors(of)
    return Signals(
        Counted(f"{_REQUESTS}_count", selectors, ('status=~"5.*"', 'code=~"5.*"')),
        Timed(_REQUESTS, selectors, to_ms=1000),
    )


def app_mesh(of: Subject) -> Signals:
    """The Envoy beside each pod."""
    selectors = _selectors(of)
    return Signals(
        Counted(_ENVOY, selectors, ('envoy_response_code=~"5.*"',)),
        Timed(f"{_ENVOY}_time", selectors),
    )


def _selectors(of: Subject) -> tuple[str, ...]:
    if of.is_service:
        return (
            f'kubernetes_namespace="{of.namespace}",kubernetes_name="{of.canary}"',
            f'namespace="{of.namespace}",service="{of.canary}"',
        )
    return (
        f'kubernetes_namespace="{of.namespace}",kubernetes_pod_name=~"{of.pods}"',
        f'namespace="{of.namespace}",pod=~"{of.pods}"',
    )
