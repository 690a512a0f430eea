"""Email, to a real SMTP server on loopback."""

import asyncio
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from temporalio.exceptions import ApplicationError

from tests.activities.alerts.alerts import a_route, rolled_back, waiting
from tests.activities.alerts.conftest import Secrets, Sender
from workflows.errors import Reason
from workflows.model.alert import Channel
from workflows.model.measurement import SecretRef

IN = SecretRef(namespace="test", name="on-call")


class Postbox:
    """Keeps what it is given; `answer` is what it says to a message."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.got: list[tuple[list[str], EmailMessage]] = []
        self.address = ""

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.got.append((list(envelope.rcpt_tos), message))
        return self.answer


def _login(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.password == b"hush" and data.login == b"bot"
    return AuthResult(success=right, handled=False)


@asynccontextmanager
async def a_server(postbox: Postbox, *, closed: bool = False) -> AsyncGenerator[Postbox]:
    """`closed` asks for a password."""

    def session() -> SMTP:
        with warnings.catch_warnings():
            # It warns of passwords without TLS, which here is the point.
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(postbox, auth_required=closed, auth_require_tls=False, authenticator=_login)

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        postbox.address = f"{host}:{port}"
        yield postbox


def url_of(postbox: Postbox, user: str = "") -> str:
    people = "to=ana@example.com,ben@example.com&from=serinus@example.com&tls=never"
    return f"smtp://{user}{postbox.address}/?{people}"


async def test_a_message_to_everybody_once(linking: Sender) -> None:
    async with a_server(Postbox()) as postbox:
        route = a_route(Channel.EMAIL, url_of(postbox))
        await linking(rolled_back(), route)
        await linking(waiting(), route)
        await linking(waiting(resolved=True), route)
    (people, message), (_, gate) = postbox.got
    assert people == ["ana@example.com", "ben@example.com"]
    assert message["From"] == "Serinus <serinus@example.com>"
    assert message["Subject"] == "[error] Rolled back: podinfo.test"
    text = message.get_content()
    assert "request-success-rate is 81, wanted at least 99" in text
    assert "Failed checks: 3 of 3" in text
    link = "https://serinus.test/rollouts/east/test/podinfo"
    assert f"Rollout: {link}" in text
    assert f"Approve or reject: {link}" in gate.get_content()
    assert message["Message-ID"] != gate["Message-ID"]


async def test_the_password_is_in_the_secret(send: Sender, secrets: Secrets) -> None:
    async with a_server(Postbox(), closed=True) as postbox:
        secrets.kept["test/on-call"] = {"token": "hush"}
        route = a_route(Channel.EMAIL, url_of(postbox, "bot@"), secret=IN)
        await send(rolled_back(), route)
        secrets.kept["test/on-call"] = {"token": "wrong"}
        with pytest.raises(ApplicationError) as caught:
            await send(rolled_back(), route)
    assert (caught.value.type, caught.value.non_retryable) == (Reason.ALERT_REFUSED, True)
    assert len(postbox.got) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("451 later", Reason.RECEIVER_DOWN), ("554 never", Reason.ALERT_REFUSED)],
)
async def test_what_the_server_says_decides(send: Sender, answer: str, reason: Reason) -> None:
    async with a_server(Postbox(answer)) as postbox:
        with pytest.raises(ApplicationError) as caught:
            await send(rolled_back(), a_route(Channel.EMAIL, url_of(postbox)))
    assert caught.value.type == reason
    assert caught.value.non_retryable is (reason is Reason.ALERT_REFUSED)
    assert answer in caught.value.message.replace(": ", " ")


async def test_a_server_that_is_gone_may_come_back(send: Sender) -> None:
    async with a_server(Postbox()) as postbox:
        pass
    with pytest.raises(ApplicationError) as caught:
        await send(rolled_back(), a_route(Channel.EMAIL, url_of(postbox)))
    assert (caught.value.type, caught.value.non_retryable) == (Reason.RECEIVER_DOWN, False)


@pytest.mark.parametrize(
    "address",
    [
        "smtp://127.0.0.1/?to=nobody",
        "smtp://127.0.0.1/",
        "smtp://127.0.0.1/?to=ana@example.com&tls=perhaps",
        "smtp://bot:hush@127.0.0.1/?to=ana@example.com",
        "http://127.0.0.1/?to=ana@example.com",
    ],
)
async def test_an_address_that_is_none_is_final(send: Sender, address: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        await send(rolled_back(), a_route(Channel.EMAIL, address))
    assert caught.value.non_retryable
    assert "hush" not in caught.value.message
