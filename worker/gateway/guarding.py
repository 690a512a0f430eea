"""What every request must pass before any part of the gateway sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.gateway import problems
from worker.gateway.access import Access
from worker.gateway.limits import Limits
from worker.gateway.problems import Problem
from worker.gateway.reaching import Reaching
from worker.gateway.settings import LOOPBACK_HOSTS, GatewaySettings

PROBES = ("/healthz", "/readyz")
WITHOUT_TEMPORAL = (*PROBES, "/static/", "/sign-in", "/api/v1/openapi.json")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HOOKS = "/hooks/"


@dataclass(frozen=True)
class Guards:
    """What a guard asks."""

    settings: GatewaySettings
    access: Access
    limits: Limits | None
    temporal: Reaching


class Guarding:
    """Host, how often, how much, Temporal, who, and whether the page that asks is ours."""

    def __init__(self, app: ASGIApp, guards: Guards) -> None:
        self._app = app
        self._guards = guards
        self._hosts = known_hosts(guards.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raise a `Problem`, or let the request in."""
        if scope["type"] == "http":
            await self._check(HTTPConnection(scope))
            receive = self._counting(HTTPConnection(scope), receive)
        await self._app(scope, receive, send)

    async def _check(self, request: HTTPConnection) -> None:
        path: str = request.scope["path"]
        if path in PROBES:
            return
        check_host(request, self._hosts)
        if self._guards.limits is not None:
            self._guards.limits.count_request(request)
        if not path.startswith(WITHOUT_TEMPORAL):
            await self._guards.temporal.require()
        if path.startswith(("/static/", HOOKS)):
            return  # a hook proves itself, by its own keys
        proven = await self._guards.access.proven(request)
        if proven is not None and self._guards.limits is not None:
            self._guards.limits.count_person(proven.name)
        if request.scope["method"] not in SAFE and not (proven is not None and proven.bearer):
            check_origin(request, self._guards.settings, known=proven is not None)

    def _counting(self, request: HTTPConnection, receive: Receive) -> Receive:
        """A body that is too large is refused as soon as that is known."""
        settings = self._guards.settings
        hook = request.scope["path"].startswith(HOOKS)
        limit = settings.hook_body_limit if hook else settings.body_limit
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > limit:
            raise problems.too_large(limit)
        return _counted(receive, limit)


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise problems.too_large(limit)
        return message

    return counting


def known_hosts(settings: GatewaySettings) -> frozenset[str]:
    """The names under which this gateway answers."""
    public = urlsplit(settings.public_url or "").hostname
    return frozenset((*LOOPBACK_HOSTS, *settings.hosts, *((public,) if public else ())))


def check_host(request: HTTPConnection, known: frozenset[str]) -> None:
    """`Problem` 421 for a name that is not ours: a page elsewhere may have bent it to us."""
    given = request.headers.get("host", "")
    name = given if given.endswith("]") else given.rsplit(":", 1)[0]
    if name.lower() not in known:
        raise Problem(
            421, detail=f"{given!r} is not served here; SERINUS_GATEWAY__HOSTS names what is"
        )


def check_origin(request: HTTPConnection, settings: GatewaySettings, *, known: bool) -> None:
    """`Problem` 403 unless a page of ours asks; `known` people must send proof of that."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise problems.forbidden("another site's page asked for this")
    if origin is not None:
        if origin not in _own_origins(request, settings):
            raise problems.forbidden("another site's page asked for this")
    elif site is None and known:
        raise problems.forbidden("the browser does not say whose page asked for this")


def _own_origins(request: HTTPConnection, settings: GatewaySettings) -> Sequence[str]:
    own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    if settings.public_url is None:
        return (own,)
    public = urlsplit(settings.public_url)
    return (own, f"{public.scheme}://{public.netloc}")
