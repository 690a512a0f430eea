"""What a provider's claims, and an ID token, are taken for."""

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from pydantic import JsonValue

from worker.gateway.problems import Problem
from worker.gateway.settings import OidcSettings
from worker.gateway.sign_in.claims import groups_in, name_in
from worker.gateway.sign_in.id_token import Expected, TokenInvalid, verified

SETTINGS = OidcSettings(issuer="https://id.example", client_id="serinus")
NOW = 1_000_000.0
KEY = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
RIGHT: dict[str, JsonValue] = {
    "iss": "https://id.example",
    "aud": "serinus",
    "sub": "1",
    "iat": NOW - 1,
    "exp": NOW + 60,
    "nonce": "nonce",
}


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({}, "no claim 'email'"),
        ({"email": 1}, "no claim 'email'"),
        ({"email": "ana@shop.example"}, "not verified"),
        ({"email": "ana@shop.example", "email_verified": "true"}, "not verified"),
        ({"email": "anonymous", "email_verified": True}, "nobody can be called"),
        ({"email": "a" * 201, "email_verified": True}, "no claim"),
    ],
)
def test_claims_that_name_nobody_are_refused(claims: dict[str, JsonValue], said: str) -> None:
    with pytest.raises(Problem, match=said):
        name_in(claims, SETTINGS)


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({"groups": ["a", "b"]}, ("a", "b")),
        ({"groups": "a"}, ("a",)),
        ({"groups": ["a", 1, "", None]}, ("a",)),
        ({"groups": {"a": 1}}, ()),
        ({}, ()),
    ],
)
def test_groups_are_names_and_nothing_else(
    claims: dict[str, JsonValue], groups: tuple[str, ...]
) -> None:
    assert groups_in(claims, SETTINGS) == groups


def test_dots_reach_into_objects_and_whole_names_come_first() -> None:
    inner = SETTINGS.model_copy(update={"groups_claim": "a.b"})
    assert groups_in({"a": {"b": ["inner"]}}, inner) == ("inner",)
    assert groups_in({"a.b": ["whole"], "a": {"b": ["inner"]}}, inner) == ("whole",)


def token(claims: dict[str, JsonValue], algorithm: str = "RS256") -> str:
    return jwt.encode({"alg": algorithm, "kid": "one"}, claims, KEY)


def check(text: str, algorithms: tuple[str, ...] = ("RS256",)) -> dict[str, JsonValue]:
    expected = Expected("https://id.example", "serinus", "nonce", algorithms, NOW, 60)
    return verified(text, KeySet([KEY]), expected)


def test_a_right_token_gives_its_claims() -> None:
    assert check(token(RIGHT))["sub"] == "1"
    several: dict[str, JsonValue] = {**RIGHT, "aud": ["serinus", "other"], "azp": "serinus"}
    assert check(token(several))["azp"] == "serinus"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"aud": ["serinus", "other"]},
        {"azp": "other"},
        {"nonce": "other"},
        {"nonce": None},
        {"exp": NOW - 61},
        {"iat": NOW + 61},
        {"sub": None},
    ],
)
def test_a_token_with_one_thing_wrong_is_refused(wrong: dict[str, JsonValue]) -> None:
    claims = RIGHT | wrong
    for gone in [key for key, value in claims.items() if value is None]:
        del claims[gone]
    with pytest.raises(TokenInvalid):
        check(token(claims))


def test_a_token_signed_by_nobody_or_by_somebody_else_is_refused() -> None:
    head, body, _ = token(RIGHT).split(".")
    other = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
    forged = jwt.encode({"alg": "RS256", "kid": "one"}, RIGHT, other)
    unsigned = "eyJhbGciOiJub25lIn0." + body + "."
    for text in (forged, unsigned, f"{head}.{body}.", "x.y.z", ""):
        with pytest.raises(Exception, match=r".") as refused:
            check(text, ("RS256", "none", "HS256"))
        assert type(refused.value).__module__.startswith("joserfc"), refused.value
