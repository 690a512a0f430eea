"""Scalars as manifests write them: Go durations, whole numbers, ports, URLs.

Flagger's schema types every number as `number`, so `10.0` is a whole number; its duration
fields are strings in Go syntax. Used by every manifest model.
"""

import math
import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    WithJsonSchema,
)

from workflows.model.problem import invalid

NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|\u03bcs|ms|s|m|h)")
_WHOLE = re.compile(rf"[-+]?(0|({_PART.pattern})+)")
_LONGEST = 2**63 - 1
_EXAMPLES = "a duration such as 500ms, 30s, 1m30s or 1h"
DURATION_PATTERN = r"^(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h))+)$"


def parse_duration(text: str) -> timedelta:
    """Read Go's duration syntax; finer than a microsecond is refused, as it would be lost."""
    if not _WHOLE.fullmatch(text):
        raise invalid("is not a duration", allowed=_EXAMPLES, did_you_mean=_meant(text))
    nanoseconds = sum(_nanoseconds(number, unit) for number, unit in _PART.findall(text))
    if nanoseconds > _LONGEST:
        raise invalid("is too long", allowed="at most about 292 years")
    if nanoseconds % 1_000:
        raise invalid("is finer than a microsecond", allowed=_EXAMPLES)
    length = timedelta(microseconds=nanoseconds // 1_000)
    return -length if text.startswith("-") else length


def format_duration(length: timedelta) -> str:
    """Write Go's duration syntax, the shortest form that is exact: `1m30s`, `500ms`, `1h`."""
    rest = length // timedelta(microseconds=1)
    if rest == 0:
        return "0s"
    text = "-" if rest < 0 else ""
    rest = abs(rest)
    for unit in ("h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, NANOSECONDS[unit] // 1_000)
        text += f"{count}{unit}" if count else ""
    return text


def _nanoseconds(number: str, unit: str) -> int:
    whole, _, fraction = number.partition(".")
    scale = NANOSECONDS[unit]
    part: int = int(fraction or "0") * scale // 10 ** len(fraction)
    return int(whole or "0") * scale + part


def _meant(text: str) -> str:
    squeezed = text.replace(" ", "").lower()
    for guess in (squeezed, f"{squeezed}s", re.sub(r"(sec|min|hour)[a-z]*", _short, squeezed)):
        if guess != text and _WHOLE.fullmatch(guess):
            return guess
    return ""


def _short(unit: re.Match[str]) -> str:
    return unit.group()[0]


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    meant = f"{value}s" if isinstance(value, int) and not isinstance(value, bool) else ""
    raise invalid("must be a duration in quotes or with a unit", allowed=_EXAMPLES,
                  did_you_mean=meant)  # fmt: skip


def _not_negative(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise invalid("must not be negative", allowed=_EXAMPLES)
    return value


def _above_zero(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise invalid("must be longer than nothing", allowed=_EXAMPLES)
    return value


def _whole(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        meant = value if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) else ""
        raise invalid("must be a whole number", did_you_mean=meant)
    return value


def _finite(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid("must be a number")
    if not math.isfinite(value):
        raise invalid("must be a finite number; every comparison with NaN is false")
    return value


def _port_or_name(value: object) -> int | str:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[0-9]{1,5}", value) else value
    number = _whole(value)
    if isinstance(number, int) and 0 <= number <= 65_535:
        return number
    raise invalid("is not a port", allowed="0 to 65535 or the name of a container port")


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        fine = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1)
    except ValueError:
        fine = False
    if not fine or re.search(r"\s", value):
        meant = f"http://{value}" if "://" not in value and " " not in value else ""
        raise invalid("is not a URL", allowed="http://… or https://…", did_you_mean=meant)
    return value


_TEXT = WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["30s", "1m"]})
# A duration in Go's syntax is longer than nothing exactly when one of its digits is.
_TEXT_ABOVE_ZERO = WithJsonSchema(
    {
        "type": "string",
        "pattern": DURATION_PATTERN,
        "allOf": [{"pattern": "[1-9]"}],
        "examples": ["30s", "1m"],
    }
)
_AS_GO = PlainSerializer(format_duration, return_type=str)

Duration = Annotated[
    timedelta, AfterValidator(_not_negative), BeforeValidator(_duration), _AS_GO, _TEXT
]
PositiveDuration = Annotated[
    timedelta, AfterValidator(_above_zero), BeforeValidator(_duration), _AS_GO, _TEXT_ABOVE_ZERO
]
Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[Whole, Field(ge=0)]
Percentage = Annotated[Whole, Field(ge=0, le=100)]
Port = Annotated[Whole, Field(ge=1, le=65_535)]
Real = Annotated[float, BeforeValidator(_finite)]
Flag = StrictBool
Url = Annotated[str, AfterValidator(_http_url), WithJsonSchema({"type": "string", "format": "uri"})]
PortOrName = Annotated[
    int | str,
    PlainValidator(_port_or_name),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]}),
]
