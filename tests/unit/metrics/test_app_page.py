"""What the page of a pod says: whoever counts there, a request counts once."""

import pytest

from activities.metrics.app_page import AppPage
from activities.metrics.counters import ServiceCounters

APP = """# TYPE http_requests_total counter
http_requests_total{method="GET",status="200"} 90
http_requests_total{method="GET",status="503"} 10 1700000000000
http_request_duration_seconds_count{method="GET",status="200"} 90
http_request_duration_seconds_count{method="GET",status="503"} 10
"""
ISTIO = """istio_requests_total{reporter="destination",response_code="200"} 5
istio_requests_total{reporter="destination",response_code="500"} 2
istio_requests_total{reporter="source",response_code="500"} 1000
"""
ENVOY = """envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="inbound|80||"} 8
envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="inbound|80||"} 1
envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="outbound|80||db"} 70
"""  # noqa: E501
NO_STATUS = 'http_requests_total 7\nhttp_requests_total{method="GET"} 8\n'


@pytest.mark.parametrize(
    ("page", "requests", "failed"),
    [
        (APP, 100, 10),
        (APP + ISTIO, 7, 2),
        (ENVOY, 9, 1),
        (NO_STATUS + ENVOY, 9, 1),
        ('http_requests_total{code="5xx"} 3\n', 3, 3),
        ('http_requests_total{handler="a} b",status="200"} 4\n', 4, 0),
    ],
)
def test_the_first_who_counts_what_comes_in_speaks(page: str, requests: int, failed: int) -> None:
    assert AppPage().read(page) == ServiceCounters(requests, failed)


@pytest.mark.parametrize("page", ["", "up 1\n", NO_STATUS, 'http_requests_totally{code="1"} 1\n'])
def test_a_page_that_cannot_tell_what_failed_is_of_no_use(page: str) -> None:
    with pytest.raises(ValueError, match="istio_requests_total"):
        AppPage().read(page)
