"""An ID token, checked by all the rules of OpenID Connect Core 3.1.3.7. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import JsonValue, TypeAdapter, ValidationError

from workflows.errors import SerinusError

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures that only the provider can make; never `none`, never one with a shared secret."""
_CLAIMS: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class TokenInvalid(SerinusError):  # noqa: N818  the name says what is wrong
    """The ID token is not what it should be."""


@dataclass(frozen=True)
class Expected:
    """What the token must say. `now` is seconds since 1970, `skew` seconds."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: Collection[str]
    now: float
    skew: float


def verified(token: str, keys: KeySet, expected: Expected) -> dict[str, JsonValue]:
    """The claims of a token that is right; `TokenInvalid` otherwise.

    A key that is not among `keys` raises joserfc's own InvalidKeyIdError: the caller may have old
    keys.
    """
    allowed = sorted(ALGORITHMS & set(expected.algorithms))
    decoded = jwt.decode(token, keys, algorithms=allowed)
    registry = jwt.JWTClaimsRegistry(
        now=int(expected.now),
        leeway=int(expected.skew),
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": expected.nonce},
    )
    try:
        registry.validate(decoded.claims)
        claims = _CLAIMS.validate_python(decoded.claims)
    except (JoseError, ValidationError) as error:
        raise TokenInvalid(f"the ID token is refused: {error}") from error
    _check_party(claims, expected.client_id)
    return claims


def _check_party(claims: dict[str, JsonValue], client_id: str) -> None:
    """A token for several audiences must say that it was made for us."""
    audience, party = claims.get("aud"), claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if (several or party is not None) and party != client_id:
        raise TokenInvalid("the ID token is refused: it was made for somebody else")
