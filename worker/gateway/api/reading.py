"""What a request says, read strictly: its path, query, headers and body.

Every refusal is a `Problem` that names the part and says what would be right. Called by
`worker.gateway.api.operations` for each request.
"""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from worker.gateway.api import faults, json_text
from worker.gateway.api.faults import Fault
from worker.gateway.api.shapes import TextFile, Texts

JSON = "application/json"
YAML = "application/yaml"
PROBLEM = "application/problem+json"
BODY_LIMIT = 1_000_000
KEY_LIMIT = 200
_YAMLS = frozenset({YAML, "application/x-yaml", "text/yaml", "text/x-yaml"})

Typed = TypeVar("Typed", bound=BaseModel)


def place_of(request: Request, model: type[Typed]) -> Typed:
    """The ids in the path; one that cannot exist is not found."""
    try:
        return model.model_validate(request.path_params)
    except ValidationError as error:
        raise faults.not_found() from error


def query_of(request: Request, model: type[Typed]) -> Typed:
    """The query parameters; an unknown one is refused, for it would have changed nothing."""
    given = request.query_params
    fields: dict[str, object] = {}
    faulty: list[Fault] = []
    for name in given:
        values = given.getlist(name)
        known = model.model_fields.get(name)
        if known is None:
            allowed = ", ".join(model.model_fields) or "none"
            faulty.append(Fault(path=name, message="is not a parameter here", allowed=allowed))
        elif is_repeated(known.annotation):
            fields[name] = values
        elif len(values) > 1:
            faulty.append(Fault(path=name, message="is given twice; which one is meant?"))
        else:
            fields[name] = values[0]
    if faulty:
        raise faults.bad_query(faulty)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise faults.bad_query(faults.faults_in(error)) from error


def is_repeated(annotation: object) -> bool:
    """Whether a query parameter may be given more than once."""
    return getattr(annotation, "__origin__", None) is tuple


def key_of(request: Request) -> str | None:
    """The `Idempotency-Key`; the draft's quotes are taken off."""
    header = _once(request, "idempotency-key")
    if header is None:
        return None
    key = header.strip().removeprefix('"').removesuffix('"')
    if not key or len(key) > KEY_LIMIT or not key.isascii() or not key.isprintable():
        message = f"must be 1 to {KEY_LIMIT} printable ASCII characters"
        raise faults.bad_header("Idempotency-Key", message)
    return key


def if_match_of(request: Request) -> str | None:
    """The `If-Match` headers; what is no tag matches nothing."""
    given = request.headers.getlist("if-match")
    return ", ".join(given) if given else None


def accepts(request: Request, media: str) -> bool:
    """Whether the caller takes this media type."""
    header = ", ".join(request.headers.getlist("accept"))
    if not header.strip():
        return True
    kind = media.partition("/")[0]
    ranges = [part.partition(";") for part in header.split(",")]
    return any(
        name.strip().lower() in ("*/*", f"{kind}/*", media) and not _is_zero(parameters)
        for name, _, parameters in ranges
    )


async def body_of(request: Request, model: type[Typed], *, needed: bool, yaml: bool) -> Typed:
    """The body; where none is needed, none is the same as an empty object."""
    raw = await _bytes(request)
    if not raw.strip() and not needed:
        return model.model_validate({})
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if yaml and media in _YAMLS:
        return model.model_validate(_texts(raw))
    if media != JSON:
        raise faults.unsupported_media((JSON, YAML) if yaml else (JSON,))
    try:
        json_text.read(raw)
    except json_text.UnclearJson as error:
        raise faults.bad_body(f"body: {error}") from error
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise faults.bad_fields(faults.faults_in(error)) from error


def _texts(raw: bytes) -> Texts:
    try:
        return Texts(files=(TextFile(name="<body>", text=raw.decode("utf-8")),))
    except UnicodeDecodeError as error:
        raise faults.bad_body("the body is not UTF-8") from error


async def _bytes(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise faults.too_large(BODY_LIMIT)
    return bytes(body)


def _once(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise faults.bad_header(name, "is given twice; which one is meant?")
    return values[0] if values else None


def _is_zero(parameters: str) -> bool:
    """`q=0` means that it is not wanted."""
    for part in parameters.split(";"):
        name, _, value = part.strip().partition("=")
        if name == "q":
            return not value.strip("0.")
    return False
