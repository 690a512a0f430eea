"""Reads what a pod itself counts: the application, or the proxy beside it.

Where several of them count on one page, the first of `FAMILIES` speaks: adding them up would count
a request twice. A family without statuses cannot say what failed, and is passed over.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from activities.metrics.counters import RouterCounters, ServiceCounters
from activities.metrics.scrape import Page, Series

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "istio_requests_total": ("response_code",),
        "http_requests_total": ("status", "code", "status_code"),
        "http_request_duration_seconds_count": ("status", "code", "status_code"),
        "envoy_cluster_upstream_rq_xx": ("envoy_response_code_class",),
    }
)
"""Series in the order in which they are asked, each with the labels that may hold the status."""

_INWARD = re.compile(r"inbound|local|cds_ingress")
"""Clusters through which an Envoy reaches its own pod; it counts what the pod calls as well."""


class AppPage:
    """The page of one pod."""

    def __init__(self) -> None:
        self._page = Page(FAMILIES, _series)

    def read(self, text: str) -> ServiceCounters:
        """ValueError if nobody on this page counts requests."""
        found: RouterCounters = self._page.read(text)
        for family in FAMILIES:
            if family in found:
                return found[family]
        raise ValueError(f"has none of {', '.join(FAMILIES)} with a status")


def _series(name: str, labels: Mapping[str, str]) -> Series | None:
    statuses = [labels[label] for label in FAMILIES.get(name, ()) if label in labels]
    if not statuses or labels.get("reporter") == "source":
        return None
    if name.startswith("envoy_") and not _INWARD.match(labels.get("envoy_cluster_name", "")):
        return None
    return Series(name, failed=statuses[0].startswith("5"))
