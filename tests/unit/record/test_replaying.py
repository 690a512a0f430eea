"""A record replays to itself, and no changed verdict, measurement or move does."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from tests.unit.record.runs import (
    AT_LEAST,
    RUNS,
    Run,
    bad_run,
    data_of,
    good_run,
    guarded_run,
    judged_plan,
    observed,
    sealed_again,
    tripped,
    unready_run,
)
from workflows.decide import Done, Failed, Looked, Ordered, allowed
from workflows.errors import Reason
from workflows.model.status import Verb
from workflows.records.recording import digest_of
from workflows.records.replaying import replayed

Path = tuple[str | int, ...]


def leaves(value: JsonValue, at: Path = ()) -> Iterator[tuple[Path, JsonValue]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*at, number))
    else:
        yield at, value


def put(value: JsonValue, at: Path, new: JsonValue) -> None:
    for key in at[:-1]:
        if isinstance(value, dict):
            value = value[str(key)]
        elif isinstance(value, list):
            value = value[int(key)]
    if isinstance(value, dict):
        value[str(at[-1])] = new
    elif isinstance(value, list):
        value[int(at[-1])] = new


@pytest.mark.parametrize("make", RUNS)
def test_a_record_replays_without_difference(make: Callable[[], Run]) -> None:
    again = replayed(data_of(make().record()))
    assert again.differences == ()
    assert again.decisions > 0


OTHERWISE: dict[str, tuple[JsonValue, ...]] = {
    "verdict": ("pass", "fail", "inconclusive"),
    "ending": ("passed", "failed", "guard"),
    "kind": ("go", "keep", "hold", "restore"),
}


@pytest.mark.parametrize("make", RUNS)
def test_every_changed_verdict_ending_and_move_is_found(make: Callable[[], Run]) -> None:
    record = make().record()
    changed = 0
    for at, value in leaves(data_of(record)):
        if at[0] != "decided" or (at[-1] == "kind" and at[-2] != "move"):
            continue
        for other in OTHERWISE.get(str(at[-1]), ()):
            if other == value:
                continue
            data = data_of(record)
            put(data, at, other)
            assert replayed(sealed_again(data)).differences, (at, value, other)
            changed += 1
    assert changed


@pytest.mark.parametrize("make", [bad_run, good_run])
def test_every_measurement_on_the_other_side_of_its_limit_is_found(
    make: Callable[[], Run],
) -> None:
    record = make().record()
    measured = [
        (at, value)
        for at, value in leaves(data_of(record))
        if at[-2:] == ("measurement", "value") and isinstance(value, float) and value < 101
    ]
    assert measured
    for at, value in measured:
        data = data_of(record)
        put(data, at, AT_LEAST - 1 if value >= AT_LEAST else AT_LEAST)
        assert replayed(sealed_again(data)).differences, at


def test_every_changed_count_of_the_guard_is_found() -> None:
    record = guarded_run().record()
    for name in ("failed", "requests", "primary_failed", "primary_requests", "p_allowed"):
        data = data_of(record)
        (at,) = [at for at, _ in leaves(data) if at[-2:] == ("trip", name)]
        put(data, at, 0.5 if name == "p_allowed" else 77)
        differences = replayed(sealed_again(data)).differences
        assert any("guard" in each.where for each in differences), name


def test_a_canary_that_was_unready_for_a_shorter_time_is_found() -> None:
    data = data_of(unready_run().record())
    put(data, next(at for at, _ in leaves(data) if at[-1] == "not_ready_for"), 9.5)
    (difference,) = replayed(sealed_again(data)).differences
    assert difference.recomputed == "that does not end the step"


def test_whatever_is_changed_breaks_the_digest() -> None:
    record = good_run().record()
    for at, value in leaves(data_of(record)):
        data = data_of(record)
        put(data, at, f"{value} or so")
        if at != ("digest",):
            assert digest_of(data) != record.digest, at
    data = data_of(record)
    put(data, ("asked", "by"), "dan")
    assert [each.where for each in replayed(data).differences] == ["the record's digest"]


def test_a_difference_says_where_what_and_what_instead() -> None:
    data = data_of(bad_run().record())
    found = [
        at
        for at, value in leaves(data)
        if at[-1] == "verdict" and "results" in at and "ticks" in at and value == "fail"
    ]
    put(data, found[0], "pass")
    lines = [str(each) for each in replayed(sealed_again(data)).differences]
    assert any(
        line.startswith("decision 3 (weight-60), tick ")
        and "recorded pass, recomputed fail for 80 within" in line
        for line in lines
    ), lines


@settings(max_examples=150, deadline=None)
@given(data=st.data(), gated=st.booleans(), threshold=st.integers(1, 4))
def test_whatever_happens_its_record_replays(
    data: st.DataObject, gated: bool, threshold: int
) -> None:
    run = Run(judged_plan(20, 60, threshold=threshold, gated=gated))
    for _ in range(data.draw(st.integers(1, 25))):
        if run.over:
            break
        one_event(run, data)
    record = run.record()
    assert replayed(data_of(record)).differences == ()
    assert type(record).model_validate_json(record.model_dump_json()) == record


def one_event(run: Run, data: st.DataObject) -> None:
    match data.draw(st.sampled_from(["ends", "ends", "ends", "told", "looked", "fails"])):
        case "ends":
            _ends(run, data)
        case "told":
            verbs = allowed(run.plan, run.state.course, ending=False)
            verb = data.draw(st.sampled_from([each for each in verbs if each is not Verb.SUBMIT]))
            by = data.draw(st.sampled_from(["ana", "ben", "dan"]))
            most = data.draw(st.sampled_from([None, 70]))
            step = run.plan.steps[run.state.course.position].name
            run.take(Ordered(verb, by=by, step=step, at=run.now, max_weight=most))
        case "looked":
            run.take(Looked(data.draw(st.sampled_from(["v1", "v2", "v3"])), "v1", by="ci"))
        case _:
            if data.draw(st.integers(0, 5)) == 0:
                run.take(Failed(Reason.PROGRESS_DEADLINE, "not ready"))


RATE = st.sampled_from([None, 50.0, 98.9, 99.0, 100.0])


def _ends(run: Run, data: st.DataObject) -> None:
    request = run.watching
    if request is None:
        run.take(Done())
    elif request.guarded and data.draw(st.integers(0, 9)) == 0:
        run.take(Done(tripped(request)))
    elif request.passes is not None:
        run.take(Done(observed(request, data.draw(st.lists(RATE, max_size=8)))))
