"""Judging one measurement against its threshold; called by the observe activity at every tick.

Pure, so that what counts as a failed check can be read and tested in one place.
"""

import math

from workflows.model.measurement import Measurement, NoData, Outcome, Threshold, Verdict

_WITHOUT_DATA = {
    NoData.FAIL: Verdict.FAIL,
    NoData.HOLD: Verdict.INCONCLUSIVE,
    NoData.PASS: Verdict.PASS,
}


def judge_value(threshold: Threshold, value: float) -> Verdict:
    """Both ends pass. NaN is no number, so it can neither pass nor fail."""
    if math.isnan(value):
        return Verdict.INCONCLUSIVE
    too_low = threshold.min is not None and value < threshold.min
    too_high = threshold.max is not None and value > threshold.max
    return Verdict.FAIL if too_low or too_high else Verdict.PASS


def judge_measurement(measurement: Measurement, threshold: Threshold, no_data: NoData) -> Verdict:
    """A provider that is down, refuses us or answers nonsense is a failed check, as in Flagger."""
    match measurement.outcome:
        case Outcome.VALUE if measurement.value is not None:
            return judge_value(threshold, measurement.value)
        case Outcome.VALUE | Outcome.NO_DATA:
            return _WITHOUT_DATA[no_data]
        case _:
            return Verdict.FAIL


def judgement(measurement: Measurement, threshold: Threshold) -> str:
    """One line for people: what was measured and what was asked for."""
    if measurement.value is None:
        return f"{measurement.check}: {measurement.outcome}: {measurement.message}"
    return f"{measurement.check} is {measurement.value:.6g}, {_wanted(threshold)}"


def _wanted(threshold: Threshold) -> str:
    match threshold.min, threshold.max:
        case None, None:
            return "no limit is set"
        case None, high:
            return f"wanted at most {high:g}"
        case low, None:
            return f"wanted at least {low:g}"
        case low, high:
            return f"wanted {low:g} to {high:g}"
