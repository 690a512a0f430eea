"""A `Problem` as an answer: problem+json for programs, a page for people, a way to sign in.

Used by `worker.gateway.answering` and by the exception handlers of `worker.gateway.app`.
"""

import json
from urllib.parse import quote

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from worker.gateway.access import Access
from worker.gateway.framing import framed
from worker.gateway.problems import MEDIA_TYPE, Problem

PROGRAMS = ("/api/", "/hooks/", "/healthz", "/readyz")


async def rendered(
    request: HTTPConnection, problem: Problem, request_id: str, access: Access
) -> Response:
    """The answer to one request."""
    if not wants_page(request):
        return plain(problem, request_id)
    if problem.status == 401:
        return RedirectResponse(sign_in_at(request), 303)
    return await framed(
        "problem.html",
        access,
        request,
        status=problem.status,
        headers=problem.headers,
        title=problem.title,
        detail=problem.detail,
        request_id=request_id,
    )


def plain(problem: Problem, request_id: str) -> Response:
    """The answer to a program."""
    body = json.dumps(problem.members(f"urn:uuid:{request_id}"), ensure_ascii=False)
    return Response(body, problem.status, problem.headers, MEDIA_TYPE)


def wants_page(request: HTTPConnection) -> bool:
    """Whether a person looks at the answer."""
    path = request.scope["path"]
    if any(path == part or path.startswith(part) for part in PROGRAMS):
        return False
    return "text/html" in request.headers.get("accept", "")


def sign_in_at(request: HTTPConnection) -> str:
    """Where to sign in, and come back from to the page that was asked for."""
    if request.scope["method"] != "GET":
        return "/sign-in"
    query = request.scope["query_string"].decode("latin-1")
    wanted = request.scope["path"] + (f"?{query}" if query else "")
    return f"/sign-in?next={quote(wanted, safe='')}"
