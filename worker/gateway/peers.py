"""Where a request really comes from.

A trusted proxy may say for whom it asks; its own address is remembered, because that is what it
is trusted by.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from worker.gateway.settings import Network

_PEER = "serinus.peer"


class Remembering:
    """Keeps the address that a connection comes from, before headers may change it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Remember it in the state of the request."""
        if scope["type"] == "http":
            scope.setdefault("state", {})[_PEER] = (scope.get("client") or ("", 0))[0]
        await self._app(scope, receive, send)


def layers(trusted: Iterable[Network]) -> list[Middleware]:
    """Let trusted proxies say with `X-Forwarded-For` and `-Proto` whom they speak for."""
    networks = [str(network) for network in trusted]
    remembering = Middleware(Remembering)
    if not networks:
        return [remembering]
    return [remembering, Middleware(ProxyHeadersMiddleware, networks)]


def peer(request: HTTPConnection) -> str:
    """The address the connection comes from, whatever headers say."""
    found: str = request.scope.get("state", {}).get(_PEER, "")
    return found


def address(request: HTTPConnection) -> str:
    """The address of whoever asks, as far as it can be known."""
    return request.client.host if request.client else ""


def within(text: str, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of the networks; an IPv4 address mapped into IPv6 does too."""
    try:
        found = ip_address(text)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in networks)
