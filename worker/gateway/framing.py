"""Pages that are no rollout's: signing in, and what went wrong, in the frame of all the others.

Used by `worker.gateway.sign_in` and for every `Problem` that a browser meets.
"""

from collections.abc import Mapping

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from worker.gateway.access import FORM_FIELD, Access, known_as

_TEMPLATES = Environment(
    loader=ChoiceLoader([PackageLoader("worker.gateway.sign_in"), PackageLoader("worker.gateway")]),
    autoescape=True,
    undefined=StrictUndefined,
)


async def framed(
    template: str,
    access: Access,
    request: HTTPConnection,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **shown: object,
) -> Response:
    """The page, with who is signed in as far as that is known already."""
    name = known_as(request)
    page = _TEMPLATES.get_template(template).render(
        path=request.scope["path"],
        known=bool(name),
        person={"name": name},
        form_field=FORM_FIELD,
        form_token=await access.form_token(request) if name else "",
        **shown,
    )
    return HTMLResponse(page, status, dict(headers or {}))
