"""Failed checks are counted as Flagger does: at most one a tick, and never taken back."""

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes_observe import a_check, a_request, an_analysis
from workflows import tally
from workflows.errors import Reason
from workflows.model.hook import HookAnswer, HookType
from workflows.model.live import Trip
from workflows.model.measurement import Measurement, NoData, Outcome, Verdict
from workflows.model.observation import (
    KEPT_TICKS,
    CheckResult,
    Ending,
    ObserveProgress,
    ObserveRequest,
)

verdicts = st.sampled_from(list(Verdict))
results = st.builds(
    CheckResult,
    measurement=st.builds(
        Measurement,
        check=st.just("request-success-rate"),
        outcome=st.just(Outcome.VALUE),
        value=st.floats(0, 100),
    ),
    verdict=verdicts,
)


def answers_of(kind: HookType) -> st.SearchStrategy[tuple[HookAnswer, ...]]:
    answer = st.builds(
        HookAnswer,
        name=st.sampled_from(["a", "b"]),
        type=st.just(kind),
        ok=st.booleans(),
        body=st.text(max_size=1_000),
    )
    return st.lists(answer, max_size=3).map(tuple)


findings = st.builds(
    tally.Findings,
    at=st.floats(0, 1e9),
    results=st.lists(results, max_size=4).map(tuple),
    answers=answers_of(HookType.ROLLOUT),
)
REQUEST = a_request(an_analysis(a_check(), threshold=3), passes=4)


def progress_after(*seen: tally.Findings, request: ObserveRequest = REQUEST) -> ObserveProgress:
    progress = tally.begin(request)
    for one in seen:
        progress = tally.count(progress, one)
    return progress


def failing(value: float = 50.0) -> tally.Findings:
    measurement = Measurement(check="request-success-rate", outcome=Outcome.VALUE, value=value)
    return tally.Findings(
        at=1, results=(CheckResult(measurement=measurement, verdict=Verdict.FAIL),)
    )


def answer(kind: HookType, *, ok: bool) -> HookAnswer:
    return HookAnswer(
        name=kind,
        type=kind,
        ok=ok,
        reason=None if ok else Reason.HOOK_UNREACHABLE,
        message="" if ok else "no answer",
    )


@given(st.lists(findings, max_size=12))
def test_a_tick_moves_at_most_one_count_by_one(seen: list[tally.Findings]) -> None:
    progress = tally.begin(REQUEST)
    for one in seen:
        after = tally.count(progress, one)
        passed = after.passes - progress.passes
        failed = after.failed_checks - progress.failed_checks
        assert (passed, failed) in {(0, 0), (1, 0), (0, 1)}
        assert after.ticks == progress.ticks + 1
        progress = after


@given(findings)
def test_any_failure_makes_a_failed_tick_and_only_all_passing_makes_a_pass(
    one: tally.Findings,
) -> None:
    verdict = tally.verdict_of(one.results, one.answers)
    any_failed = any(not answer.ok for answer in one.answers) or any(
        result.verdict is Verdict.FAIL for result in one.results
    )
    all_passed = all(answer.ok for answer in one.answers) and all(
        result.verdict is Verdict.PASS for result in one.results
    )
    assert (verdict is Verdict.FAIL) == any_failed
    assert (verdict is Verdict.PASS) == all_passed


@given(st.lists(findings, max_size=20), st.integers(0, 5))
def test_it_ends_exactly_when_a_count_is_reached(seen: list[tally.Findings], before: int) -> None:
    request = REQUEST.model_copy(update={"failed_checks": before})
    progress = progress_after(*seen, request=request)
    ending = tally.ended(request, progress)
    if seen and progress.failed_checks >= 3:
        assert ending is Ending.FAILED
    elif progress.passes >= 4:
        assert ending is Ending.PASSED
    else:
        assert ending is None


@given(st.lists(findings, min_size=1, max_size=30))
def test_evidence_stays_bounded_and_keeps_the_first_failure(seen: list[tally.Findings]) -> None:
    evidence = progress_after(*seen).evidence
    assert [tick.number for tick in evidence.ticks] == list(
        range(max(1, len(seen) - KEPT_TICKS + 1), len(seen) + 1)
    )
    assert not any(answer.body for tick in evidence.ticks[:-1] for answer in tick.answers)
    first = next(
        (
            number
            for number, one in enumerate(seen, 1)
            if tally.verdict_of(one.results, one.answers) is Verdict.FAIL
        ),
        None,
    )
    assert (evidence.first_failure.number if evidence.first_failure else None) == first


@given(st.lists(findings, max_size=5))
def test_progress_survives_the_wire(seen: list[tally.Findings]) -> None:
    progress = progress_after(*seen)
    assert ObserveProgress.model_validate_json(progress.model_dump_json()) == progress


def test_nothing_to_judge_is_a_pass() -> None:
    assert tally.verdict_of((), ()) is Verdict.PASS


def test_failed_checks_of_earlier_steps_count() -> None:
    request = a_request(an_analysis(threshold=3), failed_checks=2)
    observation = tally.conclude(request, progress_after(failing(), request=request), Ending.FAILED)
    assert tally.ended(request, progress_after(failing(), request=request)) is Ending.FAILED
    assert observation.failed_checks == 3


def test_a_failed_observation_names_check_value_and_limit() -> None:
    progress = progress_after(failing(), failing(), failing(51.5))
    observation = tally.conclude(REQUEST, progress, Ending.FAILED)
    assert observation.reason is Reason.FAILED_CHECKS
    assert "request-success-rate is 51.5, wanted at least 99" in observation.message
    assert "3 failed checks" in observation.message


def test_a_failed_observation_carries_the_reason_of_a_check_without_data() -> None:
    measurement = Measurement(
        check="request-success-rate", outcome=Outcome.NO_DATA, reason=Reason.NO_DATA
    )
    analysis = an_analysis(a_check(), threshold=1)
    results = tally.judged(analysis, analysis.checks, [measurement])
    request = a_request(analysis)
    progress = progress_after(tally.Findings(at=1, results=results), request=request)
    assert tally.conclude(request, progress, Ending.FAILED).reason is Reason.NO_DATA


def test_no_data_holds_when_the_policy_says_so() -> None:
    measurement = Measurement(check="request-success-rate", outcome=Outcome.NO_DATA)
    analysis = an_analysis(a_check()).model_copy(update={"no_data": NoData.HOLD})
    results = tally.judged(analysis, analysis.checks, [measurement])
    progress = progress_after(tally.Findings(at=1, results=results))
    assert (progress.ticks, progress.passes, progress.failed_checks) == (1, 0, 0)


def test_a_failed_hook_gives_its_reason() -> None:
    request = a_request(an_analysis(threshold=1))
    seen = tally.Findings(at=1, answers=(answer(HookType.ROLLOUT, ok=False),))
    observation = tally.conclude(request, progress_after(seen, request=request), Ending.FAILED)
    assert observation.reason is Reason.HOOK_UNREACHABLE
    assert observation.message.startswith("no answer")


def test_a_rollback_hook_that_says_no_is_not_a_failed_check() -> None:
    seen = tally.Findings(at=1, rollback=(answer(HookType.ROLLBACK, ok=False),))
    assert progress_after(seen).passes == 1


def test_a_rollback_hook_that_says_yes_ends_the_step() -> None:
    seen = tally.Findings(at=1, rollback=(answer(HookType.ROLLBACK, ok=True),))
    progress = progress_after(seen, seen, seen, seen)
    ending = tally.ended(REQUEST, progress)
    assert ending is Ending.ROLLBACK_HOOK
    assert tally.conclude(REQUEST, progress, ending).reason is Reason.ROLLBACK_HOOK


def test_what_the_guard_found_ends_the_step_before_anything_else() -> None:
    trip = Trip(
        reason=Reason.GUARD_ERRORS,
        message="bad",
        failed=5,
        requests=10,
        primary_failed=0,
        primary_requests=90,
        burstiness=1,
    )
    progress = tally.tripped(progress_after(failing(), failing(), failing()), trip)
    ending = tally.ended(REQUEST, progress)
    assert ending is Ending.GUARD
    assert tally.conclude(REQUEST, progress, ending).reason is Reason.GUARD_ERRORS
