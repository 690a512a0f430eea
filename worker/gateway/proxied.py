"""Who a trusted proxy says is asking: it has signed people in, and names them in headers."""

from starlette.requests import HTTPConnection

from worker.gateway import problems
from worker.gateway.access import Proven
from worker.gateway.identity import ANONYMOUS
from worker.gateway.peers import peer, within
from worker.gateway.settings import ProxySettings
from workflows.model.approval import Via

LONGEST = 200


class ProxyWay:
    """The headers of one proxy; those of anybody else are not looked at."""

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings

    async def proven(self, request: HTTPConnection) -> Proven | None:
        """`Problem` 401 for a header that cannot be one name."""
        if not within(peer(request), self._settings.peers):
            return None
        names = request.headers.getlist(self._settings.user_header)
        if not names:
            return None
        name = names[0].strip()
        if len(names) > 1 or not name or len(name) > LONGEST or name == ANONYMOUS:
            raise problems.unauthenticated(f"{self._settings.user_header} names nobody")
        return Proven(name=name, groups=self._groups(request), via=Via.PAGE, form_key=f"as:{name}")

    def _groups(self, request: HTTPConnection) -> tuple[str, ...]:
        lines = request.headers.getlist(self._settings.groups_header)
        parts = (part.strip() for line in lines for part in line.split(self._settings.separator))
        return tuple(part for part in parts if part)
