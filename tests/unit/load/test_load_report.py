import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.load.options import LoadOptions
from activities.load.report import LoadReport, render
from activities.load.tally import Tally

OPTIONS = LoadOptions(url="http://shop.test/")


def a_report(*statuses: int, took: float = 0.1, unanswered: int = 0) -> LoadReport:
    tally = Tally()
    for status in statuses:
        tally.answered(status, took, 0.0, 10)
    for _ in range(unanswered):
        tally.unanswered("connection refused")
    return tally.report(OPTIONS, 2.0)


@given(st.lists(st.floats(0, 100), min_size=1))
def test_percentiles_are_measured_values_in_order(times: list[float]) -> None:
    tally = Tally()
    for took in times:
        tally.answered(200, took, 0.0, 1)
    latency = tally.report(OPTIONS, 1.0).latency
    assert latency is not None
    ordered = [latency.min, latency.p50, latency.p75, latency.p90, latency.p95, latency.p99]
    assert [*ordered, latency.max] == sorted([*ordered, latency.max])
    assert set(ordered) <= set(times)
    assert (latency.min, latency.max) == (min(times), max(times))
    assert sum(took <= latency.p99 for took in times) >= 0.99 * len(times)
    assert sum(took < latency.p50 for took in times) <= 0.5 * len(times)


@given(st.integers(1, 50), st.integers(1, 200))
def test_counts_stay_exact_when_samples_no_longer_fit(limit: int, sent: int) -> None:
    tally = Tally(limit=limit)
    for number in range(sent):
        tally.answered(200, float(number), float(number), 1)
    report = tally.report(OPTIONS, 1.0)
    assert report.requests == report.statuses[200] == sent
    assert report.latency is not None
    assert report.latency.max == sent - 1
    assert report.latency.mean == pytest.approx((sent - 1) / 2)
    assert len(tally.csv().splitlines()) == 1 + min(limit, sent)


def test_a_failed_request_has_no_answer_or_a_5xx() -> None:
    report = a_report(200, 200, 404, 503, unanswered=1)
    assert report.failed == 2
    assert report.error_rate == pytest.approx(40)
    assert report.rps == pytest.approx(2.5)


@pytest.mark.parametrize(("allowed", "broken"), [(49.9, 1), (50.0, 0)])
def test_the_error_rate_may_reach_its_limit_but_not_pass_it(allowed: float, broken: int) -> None:
    assert len(a_report(200, 500).breaches(max_error_rate=allowed)) == broken


@pytest.mark.parametrize(("allowed", "broken"), [(0.09, 1), (0.1, 0)])
def test_p99_may_reach_its_limit_but_not_pass_it(allowed: float, broken: int) -> None:
    assert len(a_report(200, took=0.1).breaches(max_p99=allowed)) == broken


def test_a_limit_for_which_nothing_was_measured_is_broken() -> None:
    assert len(a_report().breaches(max_error_rate=100, max_p99=100)) == 2
    assert a_report(unanswered=3).breaches(max_p99=100)


def test_without_limits_nothing_is_broken() -> None:
    assert a_report(500, unanswered=9).breaches() == ()


def test_the_wait_of_a_request_that_timed_out_is_a_latency() -> None:
    tally = Tally()
    tally.timed_out(20.0, 0.0)
    report = tally.report(OPTIONS, 20.0)
    assert report.latency is not None
    assert report.latency.p99 == 20
    assert report.errors == {"timeout": 1}


def test_a_person_finds_every_count_in_the_text() -> None:
    text = render(a_report(200, 200, 503, unanswered=4))
    for part in ("http://shop.test/", "7 in 2.00 s", "5 (71.4 %)", "503", "connection refused"):
        assert part in text


def test_csv_has_a_row_for_each_request_in_the_order_they_were_due() -> None:
    tally = Tally()
    tally.answered(503, 0.25, 2.0, 1)
    tally.answered(200, 0.5, 1.0, 1)
    rows = list(csv.DictReader(io.StringIO(tally.csv())))
    assert [row["status-code"] for row in rows] == ["200", "503"]
    assert rows[0] == {"response-time": "0.5000", "status-code": "200", "offset": "1.0000"}


def test_a_report_survives_json() -> None:
    report = a_report(200, 503, unanswered=1)
    assert LoadReport.model_validate_json(report.model_dump_json()) == report
