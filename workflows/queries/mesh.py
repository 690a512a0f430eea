"""Meshes that name the workload in their series: Istio, Linkerd, OSM.

Where the target is a core Service there is no workload to name. Istio and Linkerd are then asked
what callers of the canary Service saw; OSM cannot say.
"""

from workflows.queries.promql import Counted, Signals, Timed
from workflows.queries.subject import Subject


def istio(of: Subject) -> Signals:
    """Also for every provider that has no series of its own."""
    if of.is_service:
        selector = (
            f'reporter="source",destination_service_namespace="{of.namespace}",'
            f'destination_service_name="{of.canary}"'
        )
    else:
        selector = (
            f'reporter="destination",destination_workload_namespace="{of.namespace}",'
            f'destination_workload="{of.target}"'
        )
    return Signals(
        Counted("istio_requests_total", (selector,), ('response_code=~"5.*"',)),
        Timed("istio_request_duration_milliseconds", (selector,)),
    )


def linkerd(of: Subject) -> Signals:
    """Linkerd itself says what a failure is; gRPC's are among them."""
    if of.is_service:
        selector = f'direction="outbound",dst_namespace="{of.namespace}",dst_service="{of.canary}"'
    else:
        kind = of.kind.value.lower()
        selector = f'direction="inbound",namespace="{of.namespace}",{kind}="{of.target}"'
    return Signals(
        Counted("response_total", (selector,), ('classification="failure"',)),
        Timed("response_latency_ms", (selector,)),
    )


def osm(of: Subject) -> Signals | None:
    """None for a target that OSM has no name for."""
    if of.is_service:
        return None
    selector = (
        f'destination_namespace="{of.namespace}",destination_kind="{of.kind.value}",'
        f'destination_name="{of.target}"'
    )
    return Signals(
        Counted("osm_request_total", (selector,), ('response_code=~"5.*"',)),
        Timed("osm_request_duration_ms", (selector,)),
    )
