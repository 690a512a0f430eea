"""What a metric provider is: a question made into a request, a response read into a number.

Providers do no I/O. `activities.metrics.engine` sends what they make; a new provider is one module
with this shape and one line in `activities.metrics.registry`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx

from workflows.errors import Reason, SerinusError
from workflows.model.measurement import MetricQuery, Outcome

_SAID = 300
"""Characters of a provider's own words; what to do about them must find room as well."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a response says; the engine makes a `Measurement` of it."""

    outcome: Outcome
    value: float | None = None
    reason: Reason | None = None
    message: str = ""


class CannotAskError(SerinusError):
    """The query cannot even be sent; `reading` says why."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading.message)
        self.reading = reading


class MetricProvider(Protocol):
    """Two pure functions."""

    def request(self, query: MetricQuery, secret: Mapping[str, str]) -> httpx.Request:
        """What to send; CannotAskError if query, address or secret do not allow it."""
        ...

    def read(self, response: httpx.Response) -> Reading:
        """What the whole response says."""
        ...


def without_password(address: str) -> str:
    """An address as people may see it."""
    return re.sub(r"//[^/@]*@", "//", address)


def value_of(value: float, message: str = "") -> Reading:
    return Reading(Outcome.VALUE, value=value, message=message)


def no_data(message: str) -> Reading:
    return Reading(Outcome.NO_DATA, reason=Reason.NO_DATA, message=message)


def down(message: str) -> Reading:
    return Reading(Outcome.DOWN, reason=Reason.METRICS_DOWN, message=message)


def denied(message: str, reason: Reason = Reason.METRICS_DENIED) -> Reading:
    return Reading(Outcome.DENIED, reason=reason, message=message)


def invalid(message: str) -> Reading:
    return Reading(Outcome.INVALID, reason=Reason.METRICS_INVALID, message=message)


def refusal(response: httpx.Response, said: str) -> Reading:
    """A response that is not 200, sorted by who has to do something about it."""
    status, said = f"the provider answered {response.status_code}", said[:_SAID]
    match response.status_code:
        case 401 | 403:
            return denied(f"{status}: {said}; check the secret that the MetricTemplate names")
        case 408 | 429:
            return down(f"{status}: {said}")
        case code if code >= 500:
            return down(f"{status}: {said}")
        case 404:
            return invalid(f"{status}: {said}; check provider.address, it may lack a path")
        case _:
            return invalid(f"{status}: {said}; check the query and provider.address")
