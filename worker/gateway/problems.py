"""What the gateway answers when it will not or cannot do what was asked.

Raised by every part of the gateway, rendered by `worker.gateway.app`: problem+json (RFC 9457) for
programs, a page for browsers. The makers below are the ordinary ones.
"""

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import JsonValue

from workflows.errors import SerinusError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5.0
"""Seconds after which Temporal may be back."""
BLANK = "about:blank"


class Problem(SerinusError):  # noqa: N818  the name of RFC 9457
    """An answer that is no success; `extra` are further members, `headers` go with it."""

    def __init__(  # noqa: PLR0913  the members of RFC 9457
        self,
        status: int,
        title: str = "",
        detail: str = "",
        *,
        type: str = BLANK,  # noqa: A002
        extra: Mapping[str, JsonValue] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        super().__init__(f"{self.title}: {detail}" if detail else self.title)
        self.detail = detail
        self.type = type
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def members(self, instance: str = "") -> dict[str, JsonValue]:
        """The problem as JSON; `instance` is the id of the request."""
        found: dict[str, JsonValue] = {
            **self.extra,
            "type": self.type,
            "title": self.title,
            "status": self.status,
        }
        if self.detail:
            found["detail"] = self.detail
        if instance:
            found["instance"] = instance
        return found


def unauthenticated(detail: str = "sign in, or send a bearer token") -> Problem:
    """401: nobody has shown who they are."""
    return Problem(401, detail=detail, headers={"WWW-Authenticate": 'Bearer realm="serinus"'})


def forbidden(detail: str, *, reason: str = "") -> Problem:
    """403: known, seen, but not allowed; `reason` is a code of `workflows.errors.Reason`."""
    return Problem(403, detail=detail, extra=_reason(reason))


def not_found(detail: str = "there is nothing here") -> Problem:
    """404: not there, or not to be seen."""
    return Problem(404, detail=detail)


def conflict(detail: str, *, reason: str = "") -> Problem:
    """409: makes no sense now; `reason` is a code of `workflows.errors.Reason`."""
    return Problem(409, detail=detail, extra=_reason(reason))


def too_large(limit: int) -> Problem:
    """413: the body has more than `limit` bytes."""
    return Problem(413, detail=f"the body has more than {limit} bytes")


def too_many(retry_after: float) -> Problem:
    """429: too many requests; another may come in `retry_after` seconds."""
    return Problem(429, detail="too many requests; wait a little", headers=_after(retry_after))


def unavailable(detail: str, retry_after: float = RETRY_AFTER) -> Problem:
    """503: Temporal, a worker or a provider does not answer."""
    return Problem(503, detail=detail, headers=_after(retry_after))


def _reason(reason: str) -> dict[str, JsonValue]:
    return {"reason": reason} if reason else {}


def _after(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(seconds)))}
