import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import Reason
from workflows.judge import judge_measurement, judge_value, judgement
from workflows.model.measurement import Measurement, NoData, Outcome, Threshold, Verdict

RANGE = Threshold(min=99, max=100)
numbers = st.floats(allow_nan=False)
finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (99, Verdict.PASS),
        (100, Verdict.PASS),
        (98.999, Verdict.FAIL),
        (100.001, Verdict.FAIL),
        (math.inf, Verdict.FAIL),
    ],
)
def test_both_ends_of_a_range_pass(value: float, verdict: Verdict) -> None:
    assert judge_value(RANGE, value) is verdict


@given(st.none() | finite, st.none() | finite, numbers)
def test_fails_exactly_when_outside(low: float | None, high: float | None, value: float) -> None:
    outside = (low is not None and value < low) or (high is not None and value > high)
    expected = Verdict.FAIL if outside else Verdict.PASS
    assert judge_value(Threshold(min=low, max=high), value) is expected


@given(st.none() | finite, st.none() | finite)
def test_nan_never_passes(low: float | None, high: float | None) -> None:
    assert judge_value(Threshold(min=low, max=high), math.nan) is not Verdict.PASS


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (NoData.FAIL, Verdict.FAIL),
        (NoData.HOLD, Verdict.INCONCLUSIVE),
        (NoData.PASS, Verdict.PASS),
    ],
)
def test_policy_says_what_no_data_is(policy: NoData, verdict: Verdict) -> None:
    measurement = Measurement(check="c", outcome=Outcome.NO_DATA, reason=Reason.NO_DATA)
    assert judge_measurement(measurement, RANGE, policy) is verdict


@pytest.mark.parametrize("outcome", [Outcome.DOWN, Outcome.DENIED, Outcome.INVALID])
@pytest.mark.parametrize("policy", list(NoData))
def test_trouble_with_a_provider_is_a_failed_check(outcome: Outcome, policy: NoData) -> None:
    measurement = Measurement(check="c", outcome=outcome)
    assert judge_measurement(measurement, RANGE, policy) is Verdict.FAIL


@given(st.sampled_from(Outcome), st.none() | finite, st.sampled_from(NoData))
def test_only_a_value_or_policy_passes(
    outcome: Outcome, value: float | None, policy: NoData
) -> None:
    measurement = Measurement(check="c", outcome=outcome, value=value)
    if judge_measurement(measurement, Threshold(), policy) is Verdict.PASS:
        assert (outcome is Outcome.VALUE and value is not None) or policy is NoData.PASS


@given(st.text(max_size=2000), st.none() | finite)
def test_a_measurement_survives_history_and_is_bounded(text: str, value: float | None) -> None:
    measurement = Measurement(
        check="c", outcome=Outcome.VALUE, value=value, message=text, query=text
    )
    assert Measurement.model_validate_json(measurement.model_dump_json()) == measurement
    assert len(measurement.message) <= 500
    assert len(measurement.query) <= 500


def test_a_judgement_says_what_was_measured_and_wanted() -> None:
    measured = Measurement(check="request-success-rate", outcome=Outcome.VALUE, value=66.7)
    assert judgement(measured, Threshold(min=99)) == (
        "request-success-rate is 66.7, wanted at least 99"
    )
