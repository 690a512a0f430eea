import math

import pytest

from activities.metrics.builtin import LOCAL, measure_builtin
from activities.metrics.counters import ServiceCounters, Window
from workflows.errors import Reason
from workflows.model.measurement import Measurement, MetricQuery, Outcome

CANARY = "default-shop-canary@file"


def measured(
    check: str, counted: ServiceCounters | None, trouble: str | None = None
) -> Measurement:
    query = MetricQuery(check=check, provider=LOCAL, query=check, interval=60)
    window = None if counted is None else Window(CANARY, 9.5, counted)
    return measure_builtin(query, CANARY, window, trouble)


def test_the_success_rate_is_a_percentage() -> None:
    measurement = measured("request-success-rate", ServiceCounters(requests=30, failed=10))
    assert measurement.value == pytest.approx(66.6667, abs=1e-3)
    assert measurement.query == f"request-success-rate of {CANARY} over 9.5 s"


def test_the_duration_is_the_p99_in_milliseconds_not_truncated() -> None:
    counted = ServiceCounters(100, 0, (0.001, math.inf), (100, 100))
    assert measured("request-duration", counted).value == pytest.approx(0.99)


@pytest.mark.parametrize("check", ["request-success-rate", "request-duration"])
@pytest.mark.parametrize("counted", [None, ServiceCounters(0, 0, (0.1, math.inf), (0, 0))])
def test_no_requests_are_no_data(check: str, counted: ServiceCounters | None) -> None:
    measurement = measured(check, counted)
    assert (measurement.outcome, measurement.reason) == (Outcome.NO_DATA, Reason.NO_DATA)


def test_a_router_that_cannot_be_scraped_is_down() -> None:
    measurement = measured("request-duration", None, trouble="connection refused")
    assert (measurement.outcome, measurement.reason) == (Outcome.DOWN, Reason.METRICS_DOWN)
    assert "connection refused" in measurement.message


def test_another_name_is_no_builtin() -> None:
    assert measured("latency", ServiceCounters(1)).outcome is Outcome.INVALID
