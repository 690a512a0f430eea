"""Go's durations, read and written."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from workflows.model.quantity import format_duration, parse_duration

INT64_MICROSECONDS = (2**63 - 1) // 1000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1m30s", 90),
        ("500ms", 0.5),
        ("1h", 3600),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("0", 0),
        ("+10s", 10),
        ("-1m", -60),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("250\u03bcs", 0.00025),
        ("3000ns", 0.000003),
        ("100h", 360_000),
    ],
)
def test_go_syntax_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "1 m", "1d", "1m30", "1,5s", "PT1M", ".s", "--1s"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("10", "10s"), ("1 m", "1m"), ("5min", "5m"), ("30sec", "30s"), ("1H", "1h")],
)
def test_meant_duration_is_offered(text: str, meant: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        parse_duration(text)
    assert caught.value.context is not None
    assert caught.value.context["did_you_mean"] == meant


def test_what_would_be_lost_is_refused() -> None:
    with pytest.raises(PydanticCustomError, match="finer than a microsecond"):
        parse_duration("1ns")


def test_longer_than_go_can_hold_is_refused() -> None:
    with pytest.raises(PydanticCustomError, match="too long"):
        parse_duration("2562048h")


@pytest.mark.parametrize(
    ("seconds", "text"), [(90, "1m30s"), (60, "1m"), (0.5, "500ms"), (0, "0s"), (3600, "1h")]
)
def test_shortest_form_is_written(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.integers(-INT64_MICROSECONDS, INT64_MICROSECONDS))
def test_every_duration_is_read_back_exactly(microseconds: int) -> None:
    length = timedelta(microseconds=microseconds)
    assert parse_duration(format_duration(length)) == length
