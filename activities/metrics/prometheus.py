"""Prometheus and everything that speaks its query API (Thanos, Mimir, VictoriaMetrics).

An instant query must give exactly one number. What Flagger lets pass in silence (the last of
several series) is refused here with a way out.
"""

import base64
import math
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from activities.metrics.provider import (
    CannotAskError,
    Reading,
    denied,
    invalid,
    no_data,
    refusal,
    value_of,
    without_password,
)
from workflows.errors import Reason
from workflows.model.measurement import MetricQuery

# A string of PromQL, or a run of white space and comments.
_PIECE = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|(?:\s|\#[^\n]*)+""", re.DOTALL
)
_SHOWN_SERIES = 3

Point = tuple[float, str]


class _Sample(BaseModel):
    metric: dict[str, str] = {}
    value: Point | None = None


class _Vector(BaseModel):
    resultType: Literal["vector"]  # noqa: N815  Prometheus' name
    result: Sequence[_Sample]


class _Scalar(BaseModel):
    resultType: Literal["scalar"]  # noqa: N815
    result: Point


class _Other(BaseModel):
    resultType: Literal["matrix", "string"]  # noqa: N815


class _Success(BaseModel):
    status: Literal["success"]
    data: Annotated[_Vector | _Scalar | _Other, Field(discriminator="resultType")]


class _Failure(BaseModel):
    status: Literal["error"]
    error: str = "no reason given"
    errorType: str = "error"  # noqa: N815


_ANSWER: TypeAdapter[_Success | _Failure] = TypeAdapter(
    Annotated[_Success | _Failure, Field(discriminator="status")]
)


def one_line(query: str) -> str:
    """Runs of white space become one space, but never in a string, where they may matter.

    Comments go: they run to the end of their line, and there is only one line left.
    """
    return _PIECE.sub(lambda piece: piece["string"] or " ", query).strip()


class Prometheus:
    """GET <address>/api/v1/query."""

    def request(self, query: MetricQuery, secret: Mapping[str, str]) -> httpx.Request:
        address = _address(query.address)
        url = address.copy_with(path=address.path.rstrip("/") + "/api/v1/query")
        headers = [(name, value) for name, values in query.headers.items() for value in values]
        if query.secret is not None:
            headers = [pair for pair in headers if pair[0].lower() != "authorization"]
            headers.append(("Authorization", _authorization(secret, query.secret.name)))
        url = url.copy_merge_params({"query": one_line(query.query)})
        try:
            return httpx.Request("GET", url, headers=headers)
        except UnicodeEncodeError as error:
            problem = f"provider.headers or the secret hold what no header may: {error.reason}"
            raise CannotAskError(invalid(problem)) from error

    def read(self, response: httpx.Response) -> Reading:
        try:
            answer = _ANSWER.validate_json(response.content)
        except ValidationError:
            answer = None
        match answer:
            case _Success(data=data) if response.status_code == 200:
                return _number(data)
            case _Failure(error=error, errorType=kind) if response.status_code == 200:
                return invalid(f"Prometheus refuses the query ({kind}): {error}")
            case _Failure(error=error, errorType=kind):
                return refusal(response, f"{kind}: {error}")
            case _ if response.status_code == 200:
                return invalid(f"this is no answer of Prometheus: {_start_of(response)}")
            case _:
                return refusal(response, _start_of(response))


def _number(data: _Vector | _Scalar | _Other) -> Reading:
    match data:
        case _Vector(result=samples):
            return _one_of(samples)
        case _Scalar(result=point):
            return _point(point)
        case _Other(resultType="matrix"):
            return invalid(
                "the query gives a range vector; wrap it in rate(…[…]) or avg_over_time(…[…])"
            )
        case _Other():
            return invalid("the query gives a string where a number is wanted")


def _one_of(samples: Sequence[_Sample]) -> Reading:
    match samples:
        case []:
            return no_data("the query found no series; check its labels and that they are scraped")
        case [_Sample(value=None)]:
            return invalid("the answer is a native histogram; wrap it in histogram_quantile(…)")
        case [_Sample(value=(_, _) as point)]:
            return _point(point)
        case _:
            return invalid(
                f"the query gives {len(samples)} series where one is wanted; wrap it in sum(…) or "
                f"max(…), or select one by its labels: {_labels(samples)}"
            )


def _point(point: Point) -> Reading:
    try:
        value = float(point[1])
    except ValueError:
        return invalid(f"{point[1]!r} is not a number")
    if math.isnan(value):
        return no_data("the query gives NaN, which often is a division by no requests at all")
    if math.isinf(value):
        largest = math.copysign(sys.float_info.max, value)
        return value_of(largest, f"the query gives {point[1]}")
    return value_of(value)


def _labels(samples: Sequence[_Sample]) -> str:
    shown = [
        "{" + ", ".join(f"{k}={v!r}" for k, v in sample.metric.items()) + "}"
        for sample in samples[:_SHOWN_SERIES]
    ]
    return ", ".join(shown) + (", …" if len(samples) > _SHOWN_SERIES else "")


def _start_of(response: httpx.Response) -> str:
    return " ".join(response.text[:1000].split())[:200] or "an empty body"


def _address(address: str) -> httpx.URL:
    shown = repr(without_password(address))
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise CannotAskError(invalid(f"provider.address {shown} is no URL: {error}")) from error
    if url.scheme not in {"http", "https"} or not url.host:
        wanted = "it must look like http://prometheus.monitoring:9090"
        raise CannotAskError(invalid(f"provider.address {shown} is no URL: {wanted}"))
    return url


def _authorization(secret: Mapping[str, str], name: str) -> str:
    # Secrets made with `echo` end in a newline, which no header may hold.
    if token := secret.get("token", "").strip():
        return f"Bearer {token}"
    user, password = secret.get("username", "").strip(), secret.get("password", "").strip("\r\n")
    if not user or not password:
        wanted = "it needs the key token, or both username and password"
        raise CannotAskError(denied(f"secret {name}: {wanted}", Reason.SECRET_MISSING))
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
