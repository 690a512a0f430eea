"""Every way in that one gateway has open, made of its settings.

Made by `worker.gateway.opening`; used by the sign-in pages and by what guards all requests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from worker.gateway.access import Way
from worker.gateway.bearing import BearerWay
from worker.gateway.browsing import SessionWay
from worker.gateway.keys import key_in
from worker.gateway.limits import Limits
from worker.gateway.one_time import Links
from worker.gateway.proxied import ProxyWay
from worker.gateway.sessions import Sessions
from worker.gateway.settings import GatewaySettings
from worker.gateway.sign_in.oidc import OidcSignIn
from worker.gateway.sign_in.pending import PendingCookies
from worker.gateway.sign_in.provider import Provider

SESSION_KEY = "session.key"
TOKENS = "tokens.json"
SESSIONS = "sessions"
LINKS = "links"


@dataclass(frozen=True)
class Doors:
    """The ways in."""

    settings: GatewaySettings
    now: Callable[[], float]
    limits: Limits
    sessions: Sessions
    browser: SessionWay
    bearer: BearerWay
    proxy: ProxyWay | None
    links: Links | None
    oidc: OidcSignIn | None

    @property
    def ways(self) -> tuple[Way, ...]:
        """In the order in which they count."""
        ways = (self.bearer, self.browser, self.proxy)
        return tuple(way for way in ways if way is not None)


def open_doors(
    settings: GatewaySettings, state: Path, now: Callable[[], float], *, local: bool
) -> tuple[Doors, bytes]:
    """The ways in over one folder of state, and the key of their forms. Blocking."""
    key = key_in(settings.session_key_file or state / SESSION_KEY)
    limits = Limits(settings.limits)
    sessions = Sessions(state / SESSIONS, key, settings.session, now)
    has_links = local if settings.one_time_links is None else settings.one_time_links
    doors = Doors(
        settings=settings,
        now=now,
        limits=limits,
        sessions=sessions,
        browser=SessionWay(sessions, settings),
        bearer=BearerWay(token_file(settings, state), limits, now),
        proxy=None if settings.proxy is None else ProxyWay(settings.proxy),
        links=Links(state / LINKS) if has_links else None,
        oidc=_oidc(settings, key, now),
    )
    return doors, key


def token_file(settings: GatewaySettings, state: Path) -> Path:
    """Where the hashes of tokens are."""
    return settings.token_file or state / TOKENS


def _oidc(settings: GatewaySettings, key: bytes, now: Callable[[], float]) -> OidcSignIn | None:
    if settings.oidc is None:
        return None
    cookies = PendingCookies(key, secure=settings.is_secure)
    return OidcSignIn(Provider(settings.oidc, now), cookies, now)
