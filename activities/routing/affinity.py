"""Session affinity: cookies that keep a user on the side that answered first. Pure.

Routers turn these rules into their own; used where the analysis has `sessionAffinity` and is no
A/B test, in which the conditions already keep each user on one side. The word of a cookie is of
the revision, so a cookie of an earlier rollout counts for nothing in the next one.
"""

import re
from dataclasses import dataclass

from activities.routing.parts import matches
from activities.routing.router import Rollout
from workflows.model.analysis_spec import SessionAffinity
from workflows.model.plan import Routes

COOKIE = "Cookie"
SET_COOKIE = "Set-Cookie"
_ANY_VALUE = "[^;]*"
_SPECIAL = re.compile(r"([.*+?^$|()\[\]{}\\])")


@dataclass(frozen=True, slots=True)
class Sticky:
    """Requests whose cookies match go to one side, which may answer with a cookie."""

    cookies: str
    """A regular expression, in RE2's syntax, for the whole `Cookie` header."""
    canary: bool
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Cookies:
    """What each side answers to users who came by weight."""

    primary: str | None = None
    canary: str | None = None


def affinity_of(rollout: Rollout) -> SessionAffinity | None:
    """The affinity in force."""
    return None if matches(rollout) else rollout.canary.analysis.session_affinity


def sticky(rollout: Rollout, routes: Routes) -> tuple[Sticky, ...]:
    """The rules that come before the one by weight; none without affinity.

    While nobody goes to the canary, whoever still has its cookie, of this rollout or an earlier
    one, is answered by the primary and loses it.
    """
    affinity = affinity_of(rollout)
    if affinity is None:
        return ()
    if routes.canary == 0:
        gone = _attributes(affinity, f"{affinity.cookie_name}=gone", -1)
        return (Sticky(_holds(affinity.cookie_name, _ANY_VALUE), canary=False, answer=gone),)
    rules = [Sticky(_holds(affinity.cookie_name, _literal(rollout.cookie)), canary=True)]
    if affinity.primary_cookie_name and routes.primary > 0:
        kept = _holds(affinity.primary_cookie_name, _literal(rollout.cookie))
        rules.append(Sticky(kept, canary=False))
    return tuple(rules)


def cookies(rollout: Rollout, routes: Routes) -> Cookies:
    """The cookies that each side hands out; the primary's lives for one interval."""
    affinity = affinity_of(rollout)
    if affinity is None or routes.canary == 0:
        return Cookies()
    canary = _attributes(affinity, f"{affinity.cookie_name}={rollout.cookie}", affinity.max_age)
    if not affinity.primary_cookie_name or routes.primary == 0:
        return Cookies(canary=canary)
    interval = max(1, round(rollout.canary.analysis.interval.total_seconds()))
    value = f"{affinity.primary_cookie_name}={rollout.cookie}"
    return Cookies(primary=_attributes(affinity, value, interval), canary=canary)


def _attributes(affinity: SessionAffinity, value: str, max_age: int) -> str:
    """A browser drops a cookie only for the same Domain, Path and Partitioned."""
    given = {
        "Domain": affinity.domain,
        "HttpOnly": affinity.http_only,
        "Partitioned": affinity.partitioned,
        "Path": affinity.path,
        "SameSite": affinity.same_site,
        "Secure": affinity.secure,
    }
    parts = [value, f"Max-Age={max_age}"]
    for name, given_value in given.items():
        if given_value:
            parts.append(name if given_value is True else f"{name}={given_value}")
    return "; ".join(parts)


def _holds(name: str, value: str) -> str:
    """Anchored: some data planes match the whole header, others any part of it."""
    return f"^(.*;\\s*)?{_literal(name)}={value}(;.*)?$"


def _literal(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
