"""A seal covers everything that was said; nothing of it can be exchanged."""

from hypothesis import assume, given
from hypothesis import strategies as st

from workflows.approvals import sealing
from workflows.approvals.sealing import Spoken, canonical, fresh, seal, spoken, valid
from workflows.model.approval import Seal, Via
from workflows.model.decisions import Decision, Order, SkipUndo
from workflows.model.status import Verb

KEY = b"k" * sealing.MINIMUM_KEY
texts = st.text(max_size=20)
words = st.builds(
    Spoken,
    workflow_id=texts,
    run_id=texts,
    verb=st.sampled_from(Verb),
    step=texts,
    by=texts,
    groups=st.lists(texts, max_size=3).map(tuple),
    text=texts,
    max_weight=st.none() | st.integers(0, 100),
    not_before=st.none() | st.floats(0, 4e9),
)
ways = st.sampled_from(Via)
instants = st.floats(0, 4e9)


@given(words, words, ways, instants)
def test_a_seal_is_for_its_words_alone(said: Spoken, other: Spoken, via: Via, at: float) -> None:
    given_seal = seal(KEY, said, via, at)
    assert valid(KEY, given_seal, said)
    assert valid(KEY, given_seal, other) == (said == other)


@given(words, st.sampled_from(sorted(Spoken.model_fields)), ways, instants)
def test_every_field_is_covered(said: Spoken, field: str, via: Via, at: float) -> None:
    changed = {
        "verb": Verb.ABORT if said.verb is not Verb.ABORT else Verb.PAUSE,
        "groups": (*said.groups, "more"),
        "max_weight": 1 if said.max_weight != 1 else None,
        "not_before": 1.0 if said.not_before != 1.0 else None,
    }
    value = changed.get(field, f"{getattr(said, field)}!")
    assert not valid(KEY, seal(KEY, said, via, at), said.model_copy(update={field: value}))


@given(words, ways, ways, instants, instants)
def test_the_way_and_the_time_are_covered(
    said: Spoken, via: Via, other: Via, at: float, later: float
) -> None:
    assume((via, at) != (other, later))
    given_seal = seal(KEY, said, via, at)
    assert not valid(KEY, given_seal.model_copy(update={"via": other, "at": later}), said)
    assert canonical(said, via, at) != canonical(said, other, later)


@given(words, ways, instants, st.binary(min_size=32, max_size=40))
def test_another_key_makes_another_seal(said: Spoken, via: Via, at: float, key: bytes) -> None:
    assume(key != KEY)
    assert not valid(key, seal(KEY, said, via, at), said)


@given(words, instants, texts)
def test_any_text_may_stand_for_a_mac(said: Spoken, at: float, mac: str) -> None:
    assert not valid(KEY, Seal(via=Via.PAGE, at=at, mac=mac), said)


@given(words, ways, st.floats(0, 4e9))
def test_a_seal_is_the_same_after_its_way_through_json(said: Spoken, via: Via, at: float) -> None:
    there = Seal.model_validate_json(seal(KEY, said, via, at).model_dump_json())
    assert valid(KEY, there, Spoken.model_validate_json(said.model_dump_json()))


def test_a_seal_holds_for_minutes_and_not_from_the_future() -> None:
    given_seal = Seal(via=Via.PAGE, at=1000.0, mac="")
    assert fresh(given_seal, 1000.0 + sealing.LIFETIME)
    assert fresh(given_seal, 1000.0 - sealing.SKEW)
    assert not fresh(given_seal, 1001.0 + sealing.LIFETIME)
    assert not fresh(given_seal, 999.0 - sealing.SKEW)


def test_every_kind_of_order_says_all_it_has() -> None:
    decision = Decision(by="ana", comment="ok", step="s", groups=("g",), max_weight=5, not_before=6)
    assert spoken("w", "r", Verb.APPROVE, decision) == Spoken(
        workflow_id="w", run_id="r", verb=Verb.APPROVE, step="s", by="ana", groups=("g",),
        text="ok", max_weight=5, not_before=6,
    )  # fmt: skip
    order = Order(by="ana", reason="why", groups=("g",))
    assert spoken("w", "r", Verb.ABORT, order).text == "why"
    skip = SkipUndo(by="ana", undo="cache", reason="why")
    assert spoken("w", "r", Verb.SKIP, skip).step == "cache"
