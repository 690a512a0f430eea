"""Ingress controllers: NGINX, Skipper, Traefik, APISIX.

A ServiceMonitor puts its own `namespace` and `service` on what it scrapes, and Prometheus renames
the controller's to `exported_…`; both are asked for.
"""

import re

from workflows.queries.promql import Counted, Signals, Timed
from workflows.queries.subject import Subject, exactly


def nginx(of: Subject) -> Signals:
    """Requests that the canary Ingress has served."""
    rest = f'ingress="{of.ingress}",canary!=""'
    selectors = (
        f'namespace="{of.namespace}",{rest}',
        f'exported_namespace="{of.namespace}",{rest}',
    )
    return Signals(
        Counted("nginx_ingress_controller_requests", selectors, ('status=~"5.*"',)),
        Timed("nginx_ingress_controller_response_duration_seconds", selectors, 1000, or_mean=True),
    )


def skipper(of: Subject) -> Signals:
    """Skipper writes an underscore for whatever no identifier may hold."""
    ingress, service = (re.sub(r"\W", "_", name) for name in (of.ingress, of.canary))
    namespace = re.sub(r"\W", "_", of.namespace)
    route = f'route=~"kube(ew)?_{namespace}__{ingress}_canary__.*__{service}(_[0-9]+)?"'
    return Signals(
        Counted("skipper_response_duration_seconds_count", (route,), ('code=~"5.."',)),
        Timed("skipper_serve_route_duration_seconds", (route,), 1000, or_mean=True),
    )


def traefik(of: Subject) -> Signals:
    """The canary as the TraefikService of the apex names it."""
    service = f"{exactly(of.namespace)}-{exactly(of.canary)}-[0-9a-zA-Z-]+@kubernetescrd"
    selectors = (f'service=~"{service}"', f'exported_service=~"{service}"')
    return Signals(
        Counted("traefik_service_requests_total", selectors, ('code=~"5.."',)),
        Timed("traefik_service_request_duration_seconds", selectors, 1000),
    )


def apisix(of: Subject) -> Signals:
    """The rule of the ApisixRoute that shadows the user's."""
    name = f"{exactly(of.namespace)}_{exactly(of.route)}-{exactly(of.canary)}_.+"
    route = f'route=~"{name}"'
    return Signals(
        Counted("apisix_http_status", (route,), ('code=~"5.."',)),
        Timed("apisix_http_latency", (f'{route},type="request"',)),
    )
