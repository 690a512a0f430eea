"""JSON that two readers could read in two ways, or none could read at all, is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.gateway.api.json_text import DEEPEST, UnclearJson, read

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
DATA = st.recursive(
    SCALARS.filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(DATA)
def test_what_is_plain_is_read(data: object) -> None:
    assert read(json.dumps(data).encode()) == data


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"by": "ana", "by": "ben"}', "given twice"),
        (b'[{"a": {"b": 1, "b": 1}}]', "given twice"),
        (b'{"weight": NaN}', "NaN is not JSON"),
        (b'{"weight": -Infinity}', "-Infinity is not JSON"),
        (b"\xff", "not UTF-8"),
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"1" * 5_000, "not JSON"),
        (b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2), "nested"),
        (b"[" * 200_000, "nested"),
    ],
)
def test_what_is_unclear_is_refused_with_its_reason(body: bytes, words: str) -> None:
    with pytest.raises(UnclearJson, match=words):
        read(body)
