"""A status shows the latest tick, not the last finished step."""

from tests.unit.cli.statuses import a_status
from worker.rollouts import with_progress
from workflows.model.measurement import Verdict
from workflows.model.observation import Evidence, ObserveProgress, Tick


def test_the_observation_under_way_is_what_is_shown() -> None:
    tick = Tick(number=3, at=30.0, verdict=Verdict.FAIL)
    progress = ObserveProgress(ticks=3, failed_checks=2, evidence=Evidence(ticks=(tick,)))
    shown = with_progress(a_status(), progress)
    assert shown.failed_checks == 2
    assert shown.evidence is not None
    assert shown.evidence.ticks == (tick,)


def test_before_the_first_tick_the_step_before_is_shown() -> None:
    before = a_status()
    assert with_progress(before, ObserveProgress()) == before
    assert with_progress(before, None) == before
