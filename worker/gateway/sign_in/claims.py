"""Who a provider's claims are about. Pure."""

from collections.abc import Mapping

from pydantic import JsonValue

from worker.gateway import problems
from worker.gateway.identity import ANONYMOUS
from worker.gateway.settings import OidcSettings

Claims = Mapping[str, JsonValue]
LONGEST = 200
MOST_GROUPS = 500


def name_in(claims: Claims, settings: OidcSettings) -> str:
    """The name of the person; `Problem` 403 if the claims give none that can be trusted."""
    claim = settings.name_claim
    name = reached(claims, claim)
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST:
        raise problems.forbidden(f"the provider does not say who you are: no claim {claim!r}")
    if claim == "email" and claims.get("email_verified") is not True:
        raise problems.forbidden("the provider has not verified your email address")
    if name.strip() == ANONYMOUS:
        raise problems.forbidden(f"nobody can be called {ANONYMOUS!r}")
    return name.strip()


def groups_in(claims: Claims, settings: OidcSettings) -> tuple[str, ...]:
    """The groups of the person; none if the claims say nothing of groups."""
    found = reached(claims, settings.groups_claim)
    every = [found] if isinstance(found, str) else found
    if not isinstance(every, list):
        return ()
    names = [name for name in every if isinstance(name, str) and 0 < len(name) <= LONGEST]
    return tuple(names[:MOST_GROUPS])


def reached(claims: Claims, path: str) -> JsonValue:
    """The claim of that name, else what dots lead to; None if there is none."""
    if path in claims:
        return claims[path]
    found: JsonValue = dict(claims)
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    return found
