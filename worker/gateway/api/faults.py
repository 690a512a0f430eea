"""Every refusal of the API, as a problem of RFC 9457; the `reason` codes are the engine's."""

from collections.abc import Iterable, Sequence
from uuid import uuid4

from pydantic import JsonValue, ValidationError

from worker.gateway.identity import Role
from worker.gateway.problems import (
    Problem,
    conflict,
    forbidden,
    not_found,
    too_large,
    unauthenticated,
    unavailable,
)
from workflows.errors import ManifestError, Reason
from workflows.model.identity import Slot
from workflows.model.problem import Problem as Fault
from workflows.model.problem import extended, shown

__all__ = [
    "Fault",
    "Problem",
    "conflict",
    "not_found",
    "too_large",
    "unauthenticated",
    "unavailable",
]


def fresh() -> str:
    """A key that nobody used before."""
    return uuid4().hex


def no_target(slot: Slot) -> Problem:
    """404: no rollout of it was ever seen, or it is not for these eyes."""
    return not_found(f"there is no target {slot.cluster}/{slot.key}")


def role_too_low(needed: Role, place: str, action: str) -> Problem:
    """403, with the role that may."""
    return forbidden(f"to {action} {place} takes the role {needed.name.lower()}")


def bad_query(faulty: Sequence[Fault]) -> Problem:
    """400: a parameter is unknown or wrong."""
    return _invalid(400, "query", faulty)


def bad_cursor(message: str) -> Problem:
    """400: the page to begin with cannot be told."""
    return bad_query((Fault(path="cursor", message=message),))


def bad_fields(faulty: Sequence[Fault]) -> Problem:
    """422: the body can be read, but its values are refused."""
    return _invalid(422, "body", faulty)


def bad_body(detail: str) -> Problem:
    """400: the body cannot be read."""
    return Problem(400, detail=detail, extra=_reason(Reason.INVALID_REQUEST))


def bad_header(name: str, message: str) -> Problem:
    """400: a header is wrong."""
    return Problem(400, detail=f"{name}: {message}", extra=_reason(Reason.INVALID_REQUEST))


def bad_manifests(error: ManifestError) -> Problem:
    """422: every problem of the manifests, each with its path."""
    count = len(error.problems)
    detail = f"{count} problem{'' if count == 1 else 's'} in the manifests"
    return Problem(422, "Manifests refused", detail, extra=_problems(error.reason, error.problems))


def key_taken(message: str) -> Problem:
    """422: as the draft of the `Idempotency-Key` header has it."""
    return Problem(422, detail=f"Idempotency-Key: {message}", extra=_reason(Reason.INVALID_REQUEST))


def moved_on(token: str, now: str) -> Problem:
    """412: what the caller saw is no longer so; nothing was changed."""
    return Problem(
        412,
        "The rollout has moved on",
        f"nothing was changed; now: {now}. Look again, then decide",
        extra=_reason(Reason.STALE_DECISION),
        headers={"ETag": token},
    )


def not_acceptable(media: str) -> Problem:
    """406."""
    return Problem(406, detail=f"the answer is {media}")


def unsupported_media(allowed: Iterable[str]) -> Problem:
    """415."""
    names = tuple(allowed)
    return Problem(
        415,
        detail=f"Content-Type must be {' or '.join(names)}",
        headers={"Accept": ", ".join(names)},
    )


def wrong_method(method: str, allowed: Iterable[str], detail: str = "") -> Problem:
    """405, with `Allow`."""
    names = ", ".join(allowed)
    detail = detail or f"{method} is not a method of this path; allowed: {names}"
    return Problem(405, detail=detail, headers={"Allow": names})


def faults_in(error: ValidationError) -> list[Fault]:
    """What pydantic found, as Serinus says it."""
    return [_fault(each["loc"], each["msg"], each["input"]) for each in error.errors()]


def _fault(place: Iterable[int | str], message: str, value: object) -> Fault:
    path = ""
    for part in place:
        path = extended(path, part)
    plain = isinstance(value, (str, int, float, bool))
    return Fault(path=path, message=message, value=shown(value) if plain else "")


def _invalid(status: int, where: str, faulty: Sequence[Fault]) -> Problem:
    lines = "; ".join(str(each) for each in faulty[:3])
    extra = _problems(Reason.INVALID_REQUEST, faulty)
    return Problem(status, detail=f"{where}: {lines}", extra=extra)


def _problems(reason: Reason, faulty: Iterable[Fault]) -> dict[str, JsonValue]:
    shown_ones: list[JsonValue] = [each.model_dump(mode="json") for each in faulty]
    return {**_reason(reason), "problems": shown_ones}


def _reason(reason: Reason) -> dict[str, JsonValue]:
    return {"reason": reason.value}
