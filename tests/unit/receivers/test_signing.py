"""Only who knows a key can have anything read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.receivers.events import BODY, KEY, SIGNATURE, a_trigger
from worker.gateway.receivers.signing import is_signed, keys_of, proven, sign
from workflows.model.trigger import Algorithm

SHA256 = (Algorithm.SHA256,)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_upstreams_own_vector_verifies() -> None:
    assert sign(KEY, BODY) == SIGNATURE
    assert is_signed(SIGNATURE, [KEY], BODY, SHA256)


def test_no_bit_of_the_body_may_differ() -> None:
    bits = range(len(BODY) * 8)
    assert not [bit for bit in bits if is_signed(SIGNATURE, [KEY], flipped(BODY, bit), SHA256)]


def test_no_bit_of_the_signature_may_differ() -> None:
    given = (flipped(SIGNATURE.encode(), bit).decode("latin-1") for bit in range(71 * 8))
    assert not [each for each in given if is_signed(each, [KEY], BODY, SHA256)]


@given(st.binary(min_size=1), st.binary(min_size=1), st.sampled_from(Algorithm), st.data())
def test_no_bit_of_any_delivery_may_differ(
    body: bytes, key: bytes, algorithm: Algorithm, data: st.DataObject
) -> None:
    signature = sign(key, body, algorithm)
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    assert not is_signed(signature, [key], flipped(body, bit), [algorithm])
    bit = data.draw(st.integers(0, len(signature) * 8 - 1))
    other = flipped(signature.encode(), bit).decode("latin-1")
    assert not is_signed(other, [key], body, [algorithm])


@given(st.text(), st.binary())
def test_nothing_else_is_a_signature(signature: str, body: bytes) -> None:
    assert not is_signed(signature, [KEY], body, tuple(Algorithm))


@given(st.binary(), st.binary(min_size=1), st.sampled_from(Algorithm))
def test_what_is_signed_verifies_by_each_algorithm(
    body: bytes, key: bytes, algorithm: Algorithm
) -> None:
    assert is_signed(sign(key, body, algorithm), [b"old", key], body, [algorithm])


@pytest.mark.parametrize("algorithm", [Algorithm.SHA224, Algorithm.SHA384, Algorithm.SHA512])
def test_other_algorithms_count_only_where_a_trigger_allows_them(algorithm: Algorithm) -> None:
    headers = {"x-signature": sign(KEY, BODY, algorithm)}
    assert not proven(a_trigger().spec.receiver, [KEY], headers, BODY)
    allowed = a_trigger(receiver={"algorithms": ["sha256", algorithm.value]}).spec.receiver
    assert proven(allowed, [KEY], headers, BODY)


def test_every_key_of_a_rotation_counts_and_no_other() -> None:
    receiver = a_trigger(receiver={"keys": ["token", "next"]}).spec.receiver
    keys = keys_of(receiver, {"token": b"one", "next": b"two", "other": b"three"})
    signed = [proven(receiver, keys, {"x-signature": sign(key, BODY)}, BODY)
              for key in (b"one", b"two", b"three")]  # fmt: skip
    assert signed == [True, True, False]


def test_a_newline_at_the_end_of_a_key_counts_and_is_forgiven() -> None:
    receiver = a_trigger().spec.receiver
    keys = keys_of(receiver, {"token": b"secret\n"})
    assert keys == (b"secret\n", b"secret")
    assert keys_of(receiver, {"token": b"secret"}) == (b"secret",)


@pytest.mark.parametrize("secret", [{}, {"token": b""}, {"token": b"\n"}, {"other": b"x"}])
def test_an_empty_key_opens_nothing(secret: dict[str, bytes]) -> None:
    receiver = a_trigger().spec.receiver
    assert keys_of(receiver, secret) == ()
    assert not proven(receiver, (), {"x-signature": sign(b"\0", BODY)}, BODY)


def test_a_bearer_token_counts_only_where_it_is_asked_for() -> None:
    by_token = a_trigger(receiver={"proof": "bearer"}).spec.receiver
    headers = {"authorization": "Bearer letmein"}
    assert proven(by_token, [b"letmein\n"], headers, BODY)
    assert not proven(by_token, [b"letmei"], headers, BODY)
    assert not proven(by_token, [b"letmein"], {"x-signature": sign(b"letmein", BODY)}, BODY)
    assert not proven(a_trigger().spec.receiver, [b"letmein"], headers, BODY)
    assert not proven(by_token, [], {"authorization": "Bearer "}, BODY)
