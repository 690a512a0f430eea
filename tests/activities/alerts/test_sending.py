"""How sending fails: for good, for now, and never with the address in its words."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from temporalio.exceptions import ApplicationError

from tests.activities.alerts.alerts import a_route, rolled_back
from tests.activities.alerts.conftest import Secrets, Sender
from tests.activities.alerts.receiver import Receiver
from workflows.errors import Reason
from workflows.model.alert import AlertRoute, Channel
from workflows.model.measurement import SecretRef

IN = SecretRef(namespace="test", name="on-call")


async def failing(send: Sender, route: AlertRoute) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await send(rolled_back(), route)
    assert route.name in caught.value.message
    return caught.value


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 302])
async def test_a_refusal_is_final(send: Sender, receiver: Receiver, status: int) -> None:
    receiver.script = [web.Response(status=status, text="no such hook")]
    error = await failing(send, a_route(Channel.SLACK, f"{receiver.url}/secret"))
    assert (error.type, error.non_retryable) == (Reason.ALERT_REFUSED, True)
    assert f"answered {status}: no such hook" in error.message
    assert "/secret" not in error.message
    assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_what_may_pass_is_tried_again(send: Sender, receiver: Receiver, status: int) -> None:
    receiver.script = [web.Response(status=status)]
    error = await failing(send, a_route(Channel.SLACK, receiver.url))
    assert (error.type, error.non_retryable) == (Reason.RECEIVER_DOWN, False)
    assert error.next_retry_delay is None


async def test_a_receiver_says_when_to_come_back(send: Sender, receiver: Receiver) -> None:
    receiver.script = [
        web.Response(status=429, headers={"Retry-After": "17"}),
        web.Response(status=503, headers={"Retry-After": "86400"}),
    ]
    route = a_route(Channel.SLACK, receiver.url)
    assert (await failing(send, route)).next_retry_delay == timedelta(seconds=17)
    assert (await failing(send, route)).next_retry_delay == timedelta(minutes=30)


async def test_slacks_api_says_200_to_what_it_did_not_do(send: Sender, receiver: Receiver) -> None:
    receiver.script = [web.json_response({"ok": False, "error": "channel_not_found"})]
    error = await failing(send, a_route(Channel.SLACK, receiver.url))
    assert error.non_retryable
    assert "channel_not_found" in error.message


async def test_nobody_there_may_pass(send: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = await failing(send, a_route(Channel.SLACK, f"http://127.0.0.1:{port}/secret"))
    assert (error.type, error.non_retryable) == (Reason.RECEIVER_DOWN, False)
    assert "/secret" not in error.message


async def test_a_missing_secret_may_come(send: Sender) -> None:
    error = await failing(send, a_route(Channel.SLACK, secret=IN))
    assert (error.type, error.non_retryable) == (Reason.SECRET_MISSING, False)


@pytest.mark.parametrize("address", ["", "ftp://127.0.0.1/secret", "no address"])
async def test_an_address_that_is_none_is_final(
    send: Sender, secrets: Secrets, address: str
) -> None:
    secrets.kept["test/on-call"] = {"address": address}
    error = await failing(send, a_route(Channel.SLACK, secret=IN))
    assert (error.type, error.non_retryable) == (Reason.ALERT_REFUSED, True)
    assert not address or address not in error.message


async def test_a_route_with_a_problem_says_it(send: Sender) -> None:
    problem = "there is no AlertProvider test/chat; apply it, or remove the alert"
    error = await failing(send, a_route(Channel.SLACK, problem=problem))
    assert error.non_retryable
    assert problem in error.message


async def test_pagerduty_needs_its_routing_key(send: Sender, secrets: Secrets) -> None:
    secrets.kept["test/on-call"] = {}
    error = await failing(send, a_route(Channel.PAGERDUTY, secret=IN))
    assert error.non_retryable
    assert "routing key" in error.message


async def test_a_route_goes_through_its_proxy(send: Sender, receiver: Receiver) -> None:
    async with a_proxy() as proxy:
        away = "http://receiver.invalid/hook"
        error = await failing(send, a_route(Channel.SLACK, away, proxy=proxy.url))
        assert error.type == Reason.RECEIVER_DOWN
        proxy.to = receiver.url
        await send(rolled_back(), a_route(Channel.SLACK, away, proxy=proxy.url))
        await send(rolled_back(), a_route(Channel.SLACK, f"{receiver.url}/direct"))
    assert proxy.lines == [f"POST {away} HTTP/1.1"] * 2
    assert [got.path for got in receiver.got] == [away, "/direct"]


class Proxy:
    """A small HTTP proxy: it hands every request to one server, or says 502 without one."""

    def __init__(self) -> None:
        self.url = ""
        self.to = ""
        self.lines: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.lines.append(head.split(b"\r\n", 1)[0].decode())
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        body = await reader.readexactly(length)
        writer.write(await self._answer(head, body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        if not self.to:
            return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        host, port = self.to.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


@asynccontextmanager
async def a_proxy() -> AsyncGenerator[Proxy]:
    proxy = Proxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        proxy.url = f"http://{host}:{port}"
        yield proxy
