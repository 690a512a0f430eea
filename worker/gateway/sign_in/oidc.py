"""Signing in at an OpenID Connect provider: authorization code with PKCE, there and back."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from authlib.oauth2.rfc6749.parameters import (
    prepare_grant_uri,  # pyright: ignore[reportUnknownVariableType]
)
from authlib.oauth2.rfc7636 import (
    create_s256_code_challenge,  # pyright: ignore[reportUnknownVariableType]
)
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from worker.gateway import problems
from worker.gateway.sign_in.claims import groups_in, name_in
from worker.gateway.sign_in.pending import Pending, PendingCookies
from worker.gateway.sign_in.provider import Provider

BACK = "/sign-in/oidc/back"

# The library says nothing of the types of these two.
_address: Callable[..., str] = prepare_grant_uri  # pyright: ignore[reportUnknownVariableType]
_challenge: Callable[[str], str] = (  # pyright: ignore[reportUnknownVariableType]
    create_s256_code_challenge
)


@dataclass(frozen=True)
class Known:
    """Who came back, and where to they wanted."""

    name: str
    groups: tuple[str, ...]
    back_to: str
    state: str


class OidcSignIn:
    """The flow of one provider; `public_url` is how browsers reach this gateway."""

    def __init__(
        self, provider: Provider, cookies: PendingCookies, now: Callable[[], float]
    ) -> None:
        self._provider = provider
        self.cookies = cookies
        self._now = now

    @property
    def title(self) -> str:
        """What the provider is called on buttons."""
        return self._provider.settings.title

    async def away(self, public_url: str, back_to: str) -> Response:
        """Send a browser to the provider."""
        settings, metadata = self._provider.settings, await self._provider.metadata()
        pending = Pending(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            redirect=public_url + BACK,
            back_to=back_to,
            at=self._now(),
        )
        address = _address(
            metadata.authorization_endpoint,
            settings.client_id,
            "code",
            redirect_uri=pending.redirect,
            scope=list(settings.scopes),
            state=pending.state,
            nonce=pending.nonce,
            code_challenge=_challenge(pending.verifier),
            code_challenge_method="S256",
        )
        response = RedirectResponse(address, 303)
        self.cookies.keep(response, pending)
        return response

    async def back(self, request: Request) -> Known:
        """Who the provider says came back; `Problem` 403 for anything that is not as it was."""
        asked = request.query_params
        state = asked.get("state", "")
        pending = self.cookies.take(request, state, self._now())
        if "error" in asked:
            raise problems.forbidden(f"{self.title} did not sign you in: {_word(asked['error'])}")
        code = asked.get("code")
        if not code:
            raise problems.forbidden(f"{self.title} sent you back without a code")
        await self._check_issuer(asked.get("iss"))
        tokens = await self._provider.exchange(code, pending.verifier, pending.redirect)
        claims = await self._provider.claims(tokens, pending.nonce)
        settings = self._provider.settings
        return Known(
            name=name_in(claims, settings),
            groups=groups_in(claims, settings),
            back_to=pending.back_to,
            state=state,
        )

    async def _check_issuer(self, given: str | None) -> None:
        """RFC 9207: an answer that names its issuer must name ours."""
        metadata = await self._provider.metadata()
        if given is not None and given != metadata.issuer:
            raise problems.forbidden("this answer is from another provider")


def _word(code: str) -> str:
    """An error code of OAuth, and nothing else that somebody may have written there."""
    return code if code.isascii() and code.replace("_", "").isalnum() else "no reason given"
