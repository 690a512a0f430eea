"""What is kept of a long run, and what is never kept."""

from tests.unit.record.runs import Run, bad_run, data_of, good_run, judged_plan, observed
from workflows.decide import Done, Looked, Ordered
from workflows.model.audit import AuditKind
from workflows.model.record import Ended
from workflows.model.status import Verb
from workflows.records.bounds import KEPT_BYTES, KEPT_DECISIONS, UNWRITTEN_BYTES, size_of
from workflows.records.replaying import replayed


def test_a_run_with_more_decisions_than_are_kept_says_so_and_still_replays() -> None:
    run = Run(judged_plan(20))
    for _ in range(KEPT_DECISIONS):
        run.take(Ordered(Verb.PAUSE, by="ana", at=run.now))
    run.take(Ordered(Verb.RESUME, by="ana", at=run.now))
    while not run.over:
        run.ends()
    record = run.record()
    assert len(record.decided) == KEPT_DECISIONS
    assert record.left_out == 6
    assert replayed(data_of(record)).differences == ()


def test_the_oldest_ticks_go_when_there_are_too_many_and_first_failures_stay() -> None:
    run = Run(judged_plan(*range(1, 100), threshold=500))
    hooks = tuple(run.plan.analysis.checks[0] for _ in range(40))
    analysis = run.plan.analysis.model_copy(update={"checks": hooks})
    run.plan = run.state.plan = run.plan.model_copy(update={"analysis": analysis})
    while not run.over:
        request = run.watching
        run.take(Done(None if request is None else observed(request, [80.0, 99.9])))
    record = run.record()
    seen = [
        one.event.observation
        for one in record.decided
        if isinstance(one.event, Ended) and one.event.observation is not None
    ]
    ticks = [len(each.evidence.ticks) for each in seen]
    assert ticks == sorted(ticks)
    assert ticks[0] == 0
    assert ticks[-1] == 2
    assert all(each.evidence.first_failure for each in seen)
    assert sum(map(size_of, record.decided)) <= KEPT_BYTES
    assert replayed(data_of(record)).differences == ()


def test_a_run_to_which_very_much_is_said_stays_small_enough_for_temporal() -> None:
    run = Run(judged_plan(20, threshold=500))
    names = "".join(chr(0x4E00 + number) for number in range(190))
    for number in range(300):
        run.take(Looked("v2", "v1", by=f"{names}{number}"))
        run.take(Ordered(Verb.PAUSE, by="ana", text="w" * 2_000, at=run.now))
    record, pages = run.record(), run.state.pages
    assert record.left_out + len(record.decided) == 600
    assert size_of(record) + sum(map(size_of, pages.unwritten)) < 1_500_000
    assert sum(map(size_of, pages.unwritten)) <= UNWRITTEN_BYTES
    assert pages.unwritten[-1].id == "run/300"
    assert replayed(data_of(record)).differences == ()


def test_what_people_say_and_a_restore_wait_for_the_audit_log_and_nothing_else_does() -> None:
    kinds = [entry.kind for entry in good_run().state.pages.unwritten]
    assert kinds == [AuditKind.ORDER] * 4
    (restored,) = bad_run().state.pages.unwritten
    assert (restored.kind, restored.id) == (AuditKind.RESTORE, "run/1")


def test_no_credential_of_a_manifest_is_in_a_record() -> None:
    text = bad_run().record().model_dump_json()
    assert "hunter2" not in text
    assert "prometheus.test" in text
    assert '"secret":{"namespace":"default","name":"prometheus"}' in text


def test_bodies_that_hooks_answered_are_not_kept() -> None:
    assert '"body":"secret"' not in good_run().record().model_dump_json()
