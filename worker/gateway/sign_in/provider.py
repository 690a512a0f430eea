"""One OpenID Connect provider, asked over HTTP: its metadata, its keys, a code for a token.

Metadata is read when it is first needed and again after an hour; keys again as soon as a token
names one that is not known, so that a provider may rotate them at any time.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote_plus

import httpx
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from worker.gateway import problems
from worker.gateway.settings import OidcSettings
from worker.gateway.sign_in.id_token import Expected, TokenInvalid, verified
from worker.settings import SettingsError
from workflows.model.value import Record

WITHIN = 10.0
"""Seconds that the provider has for one answer."""
METADATA_LASTS = 3_600.0
KEYS_LAST_AT_LEAST = 5.0
"""Seconds between two readings of the keys: nobody can make the gateway ask all the time."""
_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class Metadata(Record):
    """What discovery says, as far as it is needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    code_challenge_methods_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(Record):
    """The answer to a code."""

    access_token: str
    id_token: str = Field(repr=False)


class Provider:
    """Remembers what the provider said of itself."""

    def __init__(self, settings: OidcSettings, now: Callable[[], float]) -> None:
        self.settings = settings
        self._now = now
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._asking = asyncio.Lock()
        self._trust = _trust(settings.ca_file)

    async def metadata(self) -> Metadata:
        """By discovery; `Problem` 503 if the provider does not answer or is not the one set."""
        async with self._asking:
            known = self._metadata
            if known is None or self._now() - known[0] > METADATA_LASTS:
                known = self._metadata = (self._now(), await self._discover())
        return known[1]

    async def exchange(self, code: str, verifier: str, redirect: str) -> Tokens:
        """The tokens for a code; `Problem` 403 if the provider refuses it."""
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        secret = self._secret()
        auth = None
        if secret is None:
            form["client_id"] = self.settings.client_id
        elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            auth = httpx.BasicAuth(quote_plus(self.settings.client_id), quote_plus(secret))
        else:
            form |= {"client_id": self.settings.client_id, "client_secret": secret}
        async with self._http() as http:
            answer = await http.post(
                metadata.token_endpoint, data=form, auth=auth or httpx.USE_CLIENT_DEFAULT
            )
            if answer.is_client_error:
                raise problems.forbidden(f"{self.settings.title} refused the sign-in; try again")
            return Tokens.model_validate_json(answer.raise_for_status().content)

    async def claims(self, tokens: Tokens, nonce: str) -> dict[str, JsonValue]:
        """The claims of the ID token, and those of the userinfo endpoint beside them."""
        metadata = await self.metadata()
        expected = Expected(
            issuer=metadata.issuer,
            client_id=self.settings.client_id,
            nonce=nonce,
            algorithms=metadata.id_token_signing_alg_values_supported,
            now=self._now(),
            skew=self.settings.clock_skew,
        )
        try:
            found = await self._verified(tokens.id_token, expected)
        except (TokenInvalid, JoseError) as error:
            raise problems.forbidden(f"{self.settings.title}: {error}") from error
        return await self._userinfo(metadata, tokens, found)

    async def _verified(self, token: str, expected: Expected) -> dict[str, JsonValue]:
        try:
            return verified(token, await self._key_set(), expected)
        except InvalidKeyIdError:
            return verified(token, await self._key_set(newer=True), expected)

    async def _userinfo(
        self, metadata: Metadata, tokens: Tokens, claims: dict[str, JsonValue]
    ) -> dict[str, JsonValue]:
        if metadata.userinfo_endpoint is None:
            return claims
        async with self._http() as http:
            bearer = {"Authorization": f"Bearer {tokens.access_token}"}
            answer = await http.get(metadata.userinfo_endpoint, headers=bearer)
            more = _OBJECT.validate_json(answer.raise_for_status().content)
        if more.get("sub") != claims.get("sub"):
            raise problems.forbidden(f"{self.settings.title} speaks of two different people")
        return {**more, **claims}

    async def _key_set(self, *, newer: bool = False) -> KeySet:
        metadata = await self.metadata()
        async with self._asking:
            known = self._keys
            age = 0.0 if known is None else self._now() - known[0]
            if known is None or age > METADATA_LASTS or (newer and age > KEYS_LAST_AT_LEAST):
                known = self._keys = (self._now(), await self._read_keys(metadata.jwks_uri))
        return known[1]

    async def _read_keys(self, uri: str) -> KeySet:
        async with self._http() as http:
            answer = (await http.get(uri)).raise_for_status()
            return KeySet.import_key_set(answer.json())

    async def _discover(self) -> Metadata:
        address = f"{self.settings.issuer}/.well-known/openid-configuration"
        async with self._http() as http:
            answer = (await http.get(address)).raise_for_status()
            found = Metadata.model_validate_json(answer.content)
        if found.issuer.rstrip("/") != self.settings.issuer:
            raise problems.unavailable(
                f"{address} is about {found.issuer}, not about {self.settings.issuer}"
            )
        return found

    @asynccontextmanager
    async def _http(self) -> AsyncGenerator[httpx.AsyncClient]:
        """A client whose every failure is the provider's."""
        async with httpx.AsyncClient(
            verify=self._trust, timeout=WITHIN, follow_redirects=False
        ) as http:
            try:
                yield http
            except (httpx.HTTPError, ValidationError, ValueError) as error:
                raise problems.unavailable(
                    f"{self.settings.title} does not answer as it should: {type(error).__name__}"
                ) from error

    def _secret(self) -> str | None:
        path = self.settings.client_secret_file
        if path is None:
            return None
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error


def _trust(path: Path | None) -> ssl.SSLContext | bool:
    return True if path is None else ssl.create_default_context(cafile=str(path))
