"""The pages of signing in: which ways there are, there and back, and out again."""

import asyncio
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from worker.gateway import problems
from worker.gateway.access import Proven
from worker.gateway.context import GatewayContext
from worker.gateway.doors import Doors
from worker.gateway.framing import framed
from worker.gateway.identity import Binding
from worker.gateway.one_time import ADMIN, LIFETIME

OVERVIEW = "/"
_NO_TOKEN = "this token is not known, or no longer"  # noqa: S105  words, not a token


def routes(context: GatewayContext) -> list[BaseRoute]:
    """The routes under /sign-in; none where nobody can sign in."""
    if context.doors is None:
        return []
    pages = SignIn(context, context.doors)
    return [
        Route("/sign-in", pages.choose, methods=["GET"]),
        Route("/sign-in/once/{token}", pages.once, methods=["GET"]),
        Route("/sign-in/token", pages.token, methods=["POST"]),
        Route("/sign-in/oidc", pages.away, methods=["GET"]),
        Route("/sign-in/oidc/back", pages.back, methods=["GET"]),
        Route("/sign-in/out", pages.out, methods=["POST"]),
    ]


class SignIn:
    """The handlers over one gateway's doors."""

    def __init__(self, context: GatewayContext, doors: Doors) -> None:
        self._context = context
        self._doors = doors

    async def choose(self, request: Request) -> Response:
        """The ways that are open; on to where one wanted to go if one is signed in."""
        back_to = inside(request.query_params.get("next"))
        proven = await self._context.access.proven(request)
        if proven is not None and back_to != OVERVIEW:
            return RedirectResponse(back_to, 303)
        return await self._page(request, back_to, proven)

    async def once(self, request: Request) -> Response:
        """A one-time link from the terminal; looking ahead does not use it up."""
        links = self._doors.links
        self._doors.limits.check_attempts(request)
        if links is None or request.method == "HEAD" or "sec-purpose" in request.headers:
            raise problems.not_found()
        token: str = request.path_params["token"]
        link = await asyncio.to_thread(links.use, token, self._context.now())
        if link is None:
            self._doors.limits.count_attempt(request)
            raise problems.forbidden(
                f"this link is used up, or older than {LIFETIME / 60:g} minutes;"
                " `serinus login` makes another"
            )
        return await self._welcome(request, link.name, (), "link", OVERVIEW, (ADMIN,))

    async def token(self, request: Request) -> Response:
        """Sign a browser in with a static token."""
        form = await request.form()
        await self._context.access.check_form(request, form)
        given, back_to = form.get("token"), inside(form.get("next"))
        token = None
        if isinstance(given, str):
            token = await self._doors.bearer.token(request, given.strip())
        if token is None:
            self._doors.limits.count_attempt(request)
            return await self._page(request, back_to, None, _NO_TOKEN)
        return await self._welcome(request, token.name, token.groups, f"token {token.id}", back_to)

    async def away(self, request: Request) -> Response:
        """To the provider."""
        if self._doors.oidc is None:
            raise problems.not_found()
        self._doors.limits.count_attempt(request)
        back_to = inside(request.query_params.get("next"))
        return await self._doors.oidc.away(self._address(request), back_to)

    async def back(self, request: Request) -> Response:
        """Back from the provider."""
        oidc = self._doors.oidc
        if oidc is None:
            raise problems.not_found()
        self._doors.limits.count_attempt(request)
        known = await oidc.back(request)
        response = await self._welcome(request, known.name, known.groups, oidc.title, known.back_to)
        oidc.cookies.drop(response, known.state)
        return response

    async def out(self, request: Request) -> Response:
        """End the session, here and at every other gateway."""
        await self._context.access.check_form(request, await request.form())
        response = RedirectResponse("/sign-in", 303)
        await self._doors.browser.end(request)
        self._doors.browser.take(response)
        return response

    async def _welcome(  # noqa: PLR0913, PLR0917  what a session is made of
        self,
        request: Request,
        name: str,
        groups: tuple[str, ...],
        how: str,
        back_to: str,
        bindings: tuple[Binding, ...] = (),
    ) -> Response:
        """Begin a session; one that this browser had before is over."""
        browser, begin = self._doors.browser, self._doors.sessions.begin
        await browser.end(request)
        response = RedirectResponse(back_to, 303)
        browser.give(response, await asyncio.to_thread(begin, name, groups, how, bindings))
        return response

    async def _page(
        self, request: Request, back_to: str, proven: Proven | None, wrong: str = ""
    ) -> Response:
        doors = self._doors
        query = urlencode({"next": back_to})
        return await framed(
            "sign_in.html",
            self._context.access,
            request,
            status=401 if wrong else 200,
            oidc=None if doors.oidc is None else doors.oidc.title,
            oidc_path=f"/sign-in/oidc?{query}",
            links=doors.links is not None,
            back_to=back_to,
            name=None if proven is None else proven.name,
            csrf=await self._context.access.form_token(request),
            wrong=wrong,
        )

    def _address(self, request: Request) -> str:
        return self._context.gateway.public_url or f"{request.url.scheme}://{request.url.netloc}"


def inside(wanted: object) -> str:
    """Where to go on to: a path of this gateway, whatever was asked for."""
    if not isinstance(wanted, str) or not wanted.startswith("/") or len(wanted) > 2_000:
        return OVERVIEW
    odd = wanted.startswith(("//", "/\\", "/sign-in")) or not wanted.isprintable()
    return OVERVIEW if odd else wanted
