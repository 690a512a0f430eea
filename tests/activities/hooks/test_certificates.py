"""`disableTLS` turns verification of certificates off, for that hook only."""

import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import web

from activities.hooking.caller import Envelope, open_hook_caller
from tests.fakes_observe import a_hook
from workflows.errors import Reason

ENVELOPE = Envelope(name="shop", namespace="default", phase="Progressing")


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    """A receiver whose certificate nobody has signed."""

    async def yes(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_post("/", yes)
    runner = web.AppRunner(app)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_an_unknown_certificate_is_refused(url: str) -> None:
    async with open_hook_caller() as hooks:
        answer = await hooks.call(a_hook(url), ENVELOPE, "k")
    assert (answer.ok, answer.reason) == (False, Reason.HOOK_UNREACHABLE)
    assert "certificate" in answer.message.lower()


async def test_it_is_accepted_with_disable_tls(url: str) -> None:
    async with open_hook_caller() as hooks:
        hook = a_hook(url).model_copy(update={"disable_tls": True})
        assert (await hooks.call(hook, ENVELOPE, "k")).ok
