import math

import pytest

from activities.metrics.counters import ServiceCounters
from activities.metrics.scrape import TraefikPage

PAGE = """\
# HELP traefik_config_reloads_total Config reloads
# TYPE traefik_config_reloads_total counter
traefik_config_reloads_total 1
# TYPE traefik_service_request_duration_seconds histogram
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="shop@file",le="0.1"} 4
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="shop@file",le="+Inf"} 6
traefik_service_request_duration_seconds_sum{code="200",method="GET",protocol="http",service="shop@file"} 0.0063659300000000005
traefik_service_request_duration_seconds_count{code="200",method="GET",protocol="http",service="shop@file"} 6
traefik_service_request_duration_seconds_bucket{code="503",method="GET",protocol="http",service="shop@file",le="0.1"} 1
traefik_service_request_duration_seconds_bucket{code="503",method="GET",protocol="http",service="shop@file",le="+Inf"} 1
# TYPE traefik_service_requests_bytes_total counter
traefik_service_requests_bytes_total{code="200",method="GET",protocol="http",service="shop@file"} 77
# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="200",method="GET",protocol="http",service="shop@file"} 5
traefik_service_requests_total{code="404",method="POST",protocol="http",service="shop@file"} 1
traefik_service_requests_total{code="503",method="GET",protocol="http",service="shop@file"} 1
traefik_service_requests_total{code="200",method="GET",protocol="http",service="odd \\"name\\" } 9@file"} 1.5e+06
"""  # noqa: E501
SHOP = ServiceCounters(7, 1, (0.1, math.inf), (5, 7))


def test_counts_of_codes_and_methods_are_added_up_for_each_service() -> None:
    assert TraefikPage().read(PAGE) == {
        "shop@file": SHOP,
        'odd "name" } 9@file': ServiceCounters(requests=1_500_000),
    }


def test_a_page_reads_the_same_once_its_series_are_known() -> None:
    page = TraefikPage()
    first = page.read(PAGE)
    assert page.read(PAGE) == first
    grown = page.read(PAGE.replace('service="shop@file"} 5', 'service="shop@file"} 15'))
    assert grown["shop@file"].requests == 17


def test_a_service_that_is_gone_is_gone_and_may_come_again() -> None:
    page = TraefikPage()
    page.read(PAGE)
    without = "".join(line for line in PAGE.splitlines(True) if "shop@file" not in line)
    assert "shop@file" not in page.read(without)
    assert page.read(PAGE)["shop@file"] == SHOP


@pytest.mark.parametrize(
    "page", ["<html>", "", PAGE + 'traefik_service_requests_total{service="a"} many\n']
)
def test_what_is_no_metrics_page_is_an_error(page: str) -> None:
    with pytest.raises(ValueError, match=r"Traefik|many"):
        TraefikPage().read(page)
