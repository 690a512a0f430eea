"""Who browses: the session that a request's cookie names."""

import asyncio
from hashlib import sha256

from starlette.requests import HTTPConnection
from starlette.responses import Response

from worker.gateway.access import Proven
from worker.gateway.sessions import Sessions
from worker.gateway.settings import GatewaySettings
from workflows.model.approval import Via


class SessionWay:
    """Cookies of one gateway, or of several that share its state."""

    def __init__(self, sessions: Sessions, settings: GatewaySettings) -> None:
        self._sessions = sessions
        self._secure = settings.is_secure
        self._lasts = int(settings.session.absolute)
        self.cookie = f"__Host-{sessions.cookie_name}" if self._secure else sessions.cookie_name

    async def proven(self, request: HTTPConnection) -> Proven | None:
        """None without a cookie, and for a session that is over."""
        cookie = request.cookies.get(self.cookie)
        if cookie is None:
            return None
        found = await asyncio.to_thread(self._sessions.find, cookie)
        if found is None:
            return None
        return Proven(
            name=found.session.name,
            groups=found.session.groups,
            via=Via.PAGE,
            expires_at=found.ends_at,
            form_key=f"session:{sha256(found.number.encode()).hexdigest()}",
            bindings=found.session.bindings,
        )

    def give(self, response: Response, cookie: str) -> None:
        """Let the browser keep a session that has begun."""
        response.set_cookie(
            self.cookie,
            cookie,
            max_age=self._lasts,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    async def end(self, request: HTTPConnection) -> None:
        """End the session of a request, whichever gateway it comes to next."""
        cookie = request.cookies.get(self.cookie)
        if cookie is not None:
            await asyncio.to_thread(self._sessions.end, cookie)

    def take(self, response: Response) -> None:
        """Let the browser forget its session."""
        response.delete_cookie(
            self.cookie, path="/", secure=self._secure, httponly=True, samesite="lax"
        )
