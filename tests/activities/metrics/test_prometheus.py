"""Every answer that Prometheus, or what stands in its place, can give."""

import ssl
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from activities.metrics import engine as engine_module
from activities.metrics.engine import MetricsEngine
from activities.metrics.prometheus import one_line
from tests.activities.metrics.conftest import secrets
from tests.activities.metrics.provider_server import Provider, serving
from workflows.errors import Reason
from workflows.model.measurement import Measurement, MetricQuery, Outcome, SecretRef

ONE: list[dict[str, object]] = [{"metric": {}, "value": [1700000000.1, "99.5"]}]

NOT_ONE: list[tuple[str, list[object], Outcome, str]] = [
    ("vector", [], Outcome.NO_DATA, "no series"),
    ("vector", [{"metric": {}, "value": [1, "NaN"]}], Outcome.NO_DATA, "NaN"),
    ("vector", [{"metric": {"pod": "a"}, "value": [1, "1"]}, *ONE], Outcome.INVALID, "pod='a'"),
    ("vector", [*ONE, *ONE], Outcome.INVALID, "sum("),
    ("vector", [{"metric": {}, "value": [1, "many"]}], Outcome.INVALID, "'many'"),
    ("vector", [{"metric": {}, "histogram": [1, {}]}], Outcome.INVALID, "histogram_quantile"),
    ("matrix", [{"metric": {}, "values": [[1, "1"]]}], Outcome.INVALID, "range vector"),
    ("string", [1, "1"], Outcome.INVALID, "string"),
]


def a_query(url: str, query: str = "up", **changes: object) -> MetricQuery:
    query_ = MetricQuery(check="latency", provider="prometheus", address=url, query=query)
    return MetricQuery.model_validate({**query_.model_dump(), **changes})


def trouble(measurement: Measurement) -> tuple[Outcome, Reason | None]:
    assert measurement.value is None
    assert measurement.message
    return measurement.outcome, measurement.reason


async def test_one_number_is_a_value(engine: MetricsEngine, provider: Provider) -> None:
    provider.finds("vector", ONE)
    measurement = await engine.measure(a_query(provider.url, "a\n  / b"))
    assert (measurement.outcome, measurement.value) == (Outcome.VALUE, 99.5)
    assert measurement.reason is None
    assert measurement.query == "a\n  / b"
    assert 0 < measurement.took < 2


async def test_a_scalar_is_a_value(engine: MetricsEngine, provider: Provider) -> None:
    provider.finds("scalar", [1700000000, "1e-3"])
    assert (await engine.measure(a_query(provider.url))).value == 0.001


@pytest.mark.parametrize(("said", "value"), [("+Inf", 1.0), ("-Inf", -1.0)])
async def test_an_infinite_value_can_be_judged_and_kept(
    engine: MetricsEngine, provider: Provider, said: str, value: float
) -> None:
    provider.finds("scalar", [1, said])
    measurement = await engine.measure(a_query(provider.url))
    assert measurement.value == value * sys.float_info.max
    assert Measurement.model_validate_json(measurement.model_dump_json()) == measurement


@pytest.mark.parametrize(("result_type", "result", "outcome", "words"), NOT_ONE)
async def test_what_is_not_one_number_says_so(
    engine: MetricsEngine,
    provider: Provider,
    result_type: str,
    result: object,
    outcome: Outcome,
    words: str,
) -> None:
    provider.finds(result_type, result)
    measurement = await engine.measure(a_query(provider.url))
    reason = Reason.NO_DATA if outcome is Outcome.NO_DATA else Reason.METRICS_INVALID
    assert trouble(measurement) == (outcome, reason)
    assert words in measurement.message


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        (400, Outcome.INVALID, Reason.METRICS_INVALID),
        (401, Outcome.DENIED, Reason.METRICS_DENIED),
        (403, Outcome.DENIED, Reason.METRICS_DENIED),
        (404, Outcome.INVALID, Reason.METRICS_INVALID),
        (422, Outcome.INVALID, Reason.METRICS_INVALID),
        (429, Outcome.DOWN, Reason.METRICS_DOWN),
        (500, Outcome.DOWN, Reason.METRICS_DOWN),
        (503, Outcome.DOWN, Reason.METRICS_DOWN),
    ],
)
@pytest.mark.parametrize(
    "body",
    [{"status": "error", "errorType": "bad_data", "error": "no such thing"}, "no such thing"],
)
async def test_a_status_that_is_not_200_says_who_has_to_act(
    engine: MetricsEngine,
    provider: Provider,
    status: int,
    outcome: Outcome,
    reason: Reason,
    body: object,
) -> None:
    provider.says(status, body)
    measurement = await engine.measure(a_query(provider.url))
    assert trouble(measurement) == (outcome, reason)
    assert str(status) in measurement.message
    assert "no such thing" in measurement.message


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>sign in</html>",
        '{"status": "success"}',
        '{"status": "success", "data": {"resultType": "vector", "result": 7}}',
        '{"status": "error", "error": "x"}',
        "\ud800".encode(errors="replace").decode() * 3,
    ],
)
async def test_an_answer_that_cannot_be_read_is_invalid(
    engine: MetricsEngine, provider: Provider, body: str
) -> None:
    provider.says(200, body)
    measurement = await engine.measure(a_query(provider.url))
    assert trouble(measurement) == (Outcome.INVALID, Reason.METRICS_INVALID)


async def test_nobody_listening_is_down(engine: MetricsEngine) -> None:
    async with serving() as gone:
        url = gone.url
    measurement = await engine.measure(a_query(url))
    assert trouble(measurement) == (Outcome.DOWN, Reason.METRICS_DOWN)
    assert url in measurement.message


async def test_a_provider_that_does_not_answer_is_down(
    http: httpx.AsyncClient, provider: Provider
) -> None:
    provider.handler = provider.stay_silent
    engine = MetricsEngine(http, secrets, timeout_seconds=0.05)
    measurement = await engine.measure(a_query(provider.url))
    assert trouble(measurement) == (Outcome.DOWN, Reason.METRICS_DOWN)
    assert "0.05 s" in measurement.message


async def test_a_connection_cut_in_the_middle_is_down(
    engine: MetricsEngine, provider: Provider
) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    provider.handler = cut
    assert trouble(await engine.measure(a_query(provider.url)))[0] is Outcome.DOWN


async def test_an_answer_without_end_does_not_fill_the_memory(
    engine: MetricsEngine, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "LARGEST_ANSWER", 1000)
    provider.says(200, "x" * 2000)
    measurement = await engine.measure(a_query(provider.url))
    assert trouble(measurement)[0] is Outcome.INVALID
    assert "larger" in measurement.message


@pytest.mark.parametrize("address", ["", "prometheus:9090", "ftp://h/", "http://", "http://h:x/"])
async def test_an_address_that_is_no_url_is_invalid(engine: MetricsEngine, address: str) -> None:
    measurement = await engine.measure(a_query(address))
    assert trouble(measurement) == (Outcome.INVALID, Reason.METRICS_INVALID)
    assert "provider.address" in measurement.message


async def test_no_password_of_an_address_is_shown(engine: MetricsEngine) -> None:
    async with serving() as gone:
        address = gone.url.replace("//", "//ann:hunter2@")
    for bad in (address, "ftp://ann:hunter2@h/"):
        assert "hunter2" not in (await engine.measure(a_query(bad))).model_dump_json()


async def test_an_unknown_provider_is_invalid_and_names_the_known(engine: MetricsEngine) -> None:
    measurement = await engine.measure(a_query("http://h", provider="promethius"))
    assert trouble(measurement) == (Outcome.INVALID, Reason.METRICS_INVALID)
    assert "prometheus" in measurement.message


@pytest.mark.parametrize("suffix", ["", "/", "/thanos", "/thanos/"])
async def test_the_path_of_the_address_is_kept(
    engine: MetricsEngine, provider: Provider, suffix: str
) -> None:
    provider.finds("vector", ONE)
    await engine.measure(a_query(provider.url + suffix, 'rate(a{b="c &d"}[1m])'))
    (asked,) = provider.asked
    assert (asked.method, asked.path) == ("GET", suffix.rstrip("/") + "/api/v1/query")
    assert dict(asked.query) == {"query": 'rate(a{b="c &d"}[1m])'}


async def test_headers_are_sent_as_often_as_they_are_given(
    engine: MetricsEngine, provider: Provider
) -> None:
    provider.finds("vector", ONE)
    query = a_query(provider.url, headers={"X-Scope-OrgID": ("a", "b")})
    for _ in range(3):
        await engine.measure(query)
    assert [r.headers.getall("X-Scope-OrgID") for r in provider.asked] == [["a", "b"]] * 3


@pytest.mark.parametrize(
    ("name", "sent"), [("token", "Bearer s3cret"), ("basic", "Basic YW5uOnA6dw==")]
)
async def test_a_secret_becomes_one_authorization(
    engine: MetricsEngine, provider: Provider, name: str, sent: str
) -> None:
    provider.finds("vector", ONE)
    secret = SecretRef(namespace="shop", name=name)
    query = a_query(provider.url, secret=secret, headers={"authorization": ("other",)})
    for _ in range(2):
        await engine.measure(query)
    assert [r.headers.getall("Authorization") for r in provider.asked] == [[sent]] * 2


@pytest.mark.parametrize("name", ["half", "nowhere"])
async def test_a_secret_without_credentials_is_denied_and_nothing_is_sent(
    engine: MetricsEngine, provider: Provider, name: str
) -> None:
    query = a_query(provider.url, secret=SecretRef(namespace="shop", name=name))
    measurement = await engine.measure(query)
    assert trouble(measurement) == (Outcome.DENIED, Reason.SECRET_MISSING)
    assert name in measurement.message
    assert provider.asked == []


@pytest.mark.parametrize("value", ["ä", "line\nbreak"])
async def test_a_header_that_cannot_be_sent_is_invalid(
    engine: MetricsEngine, provider: Provider, value: str
) -> None:
    measurement = await engine.measure(a_query(provider.url, headers={"X-A": (value,)}))
    assert trouble(measurement)[0] is Outcome.INVALID


async def test_the_secret_is_not_handed_to_another_host(
    engine: MetricsEngine, provider: Provider
) -> None:
    async with serving() as other:
        other.finds("vector", ONE)

        async def elsewhere(request: web.Request) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(other.url + request.path_qs)

        provider.handler = elsewhere
        query = a_query(provider.url, secret=SecretRef(namespace="shop", name="token"))
        assert (await engine.measure(query)).value == 99.5
        assert [r.headers.get("Authorization") for r in other.asked] == [None]


async def test_redirects_without_end_are_invalid(engine: MetricsEngine, provider: Provider) -> None:
    async def again(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(request.path_qs)

    provider.handler = again
    assert trouble(await engine.measure(a_query(provider.url)))[0] is Outcome.INVALID


@pytest.fixture
async def unsigned() -> AsyncGenerator[Provider]:
    """A provider whose certificate nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    async with serving(certificate=context) as provider:
        provider.finds("vector", ONE)
        yield provider


async def test_an_unknown_certificate_is_refused(engine: MetricsEngine, unsigned: Provider) -> None:
    measurement = await engine.measure(a_query(unsigned.url))
    assert trouble(measurement) == (Outcome.DOWN, Reason.METRICS_DOWN)
    assert "certificate" in measurement.message.lower()
    assert unsigned.asked == []


async def test_it_is_accepted_with_insecure_skip_verify(
    engine: MetricsEngine, unsigned: Provider
) -> None:
    assert (await engine.measure(a_query(unsigned.url, insecure_skip_verify=True))).value == 99.5


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("  a\n\t /  b ", "a / b"),
        ('a{b="x  y"}  +  c', 'a{b="x  y"} + c'),
        ("a{b='x  y'}\n+ c", "a{b='x  y'} + c"),
        ("label_replace(a, `x  y`,  'z')", "label_replace(a, `x  y`, 'z')"),
        ('a{b="q\\"  z"}  + c', 'a{b="q\\"  z"} + c'),
        ("a # the  old\n/ b", "a / b"),
        ('a{b="no # comment"}  / c', 'a{b="no # comment"} / c'),
        ('a{b="open  }', 'a{b="open }'),
    ],
)
def test_white_space_is_collapsed_but_not_in_strings(query: str, sent: str) -> None:
    assert one_line(query) == sent
