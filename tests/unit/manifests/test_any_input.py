"""Whatever is handed in, the answer is manifests or problems, never another error."""

from collections.abc import Mapping
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from activities.manifests import load
from tests.unit.manifests.documents import problems
from tests.unit.manifests.strategies import canaries, json_values, policies, processes, words
from workflows.errors import ManifestError
from workflows.model.raw import is_object

keys = st.sampled_from(["spec", "analysis", "metrics", "match", "stepWeights", "readiness"]) | words
wrong: st.SearchStrategy[object] = st.one_of(
    json_values, st.none(), st.floats(), st.dictionaries(st.integers() | words, words, max_size=2)
)


def damaged(document: Mapping[object, object], path: list[str], value: object) -> object:
    """The document with another value at the end of a path, as far as there is a path."""
    first, *rest = path
    inner = document.get(first)
    if rest and is_object(inner):
        return {**document, first: damaged(inner, rest, value)}
    return {**document, first: value}


@given(st.one_of(canaries, processes, policies), st.lists(keys, min_size=1, max_size=4), wrong)
def test_damaged_manifest_is_fine_or_has_problems_of_one_line_at_a_path(
    document: dict[object, object], path: list[str], value: object
) -> None:
    broken = damaged(document, path, value)
    assert all(each.path and each.message and "\n" not in str(each) for each in problems(broken))


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    with suppress(ManifestError):
        assert isinstance(load(text), tuple)


@given(wrong)
def test_any_value_is_answered(value: object) -> None:
    assert problems(value)
