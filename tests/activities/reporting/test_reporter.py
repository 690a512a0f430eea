"""What is written about a Canary, to a cluster in memory and to a metrics page."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import JsonValue

from activities.kube.cookie import cookie_of
from activities.kube.objects import KubeObject, Ref, at, int_at, map_at, text_at
from activities.kube.reporter import Reporter, Standing
from activities.reporting.counters import RunCounters
from activities.reporting.events import Occurrence
from activities.reporting.gauges import CanaryGauges
from activities.reporting.reporter import KubeReporter
from activities.reporting.standings import ticked
from activities.reporting.status import shown
from tests.fakes_kube import InMemoryKube, forbidden, unreachable
from tests.fakes_observe import a_request, an_analysis
from tests.unit.controller.scenes import Json, a_canary, canary_ref, condition
from workflows.errors import Reason
from workflows.model.identity import Slot
from workflows.model.measurement import Measurement, Outcome, Threshold, Verdict
from workflows.model.observation import CheckResult, Evidence, ObserveProgress, Tick
from workflows.model.status import Phase

SLOT = Slot(cluster="prod", namespace="test", name="podinfo")
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FLAGGERS_PHASES = {
    "Initializing", "Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting",
    "Finalising", "Succeeded", "Failed", "Terminating", "Terminated",
}  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def no_pause(_: float) -> None:
    return


def reporter(
    kube: InMemoryKube,
    clock: Clock,
    counters: RunCounters | None = None,
    pause: Callable[[float], Awaitable[None]] = no_pause,
) -> Reporter:
    return KubeReporter(kube, counters, "worker-0", pause, clock)


def status(kube: InMemoryKube) -> JsonValue:
    return kube.get(canary_ref())["status"]


PROGRESSING = Standing(
    phase=Phase.PROGRESSING,
    canary_weight=10,
    iterations=0,
    failed_checks=0,
    last_applied="s1-b",
    last_promoted="s1-a",
    tracked_configs={"configmap/c": "1"},
    message="10 % of traffic",
    workflow_id="rollout/prod/test/podinfo",
)
FAILED = Standing(
    phase=Phase.FAILED, canary_weight=0, reason=Reason.FAILED_CHECKS, message="too many errors"
)
SUCCEEDED = Standing(phase=Phase.SUCCEEDED, canary_weight=0, last_promoted="s1-b")


async def test_every_field_of_the_status_is_written() -> None:
    kube = InMemoryKube(a_canary())
    await reporter(kube, Clock()).tell(SLOT, PROGRESSING)
    written = status(kube)
    assert isinstance(written, dict)
    conditions = written.pop("conditions")
    assert isinstance(conditions, list)
    assert written == {
        "phase": "Progressing",
        "canaryWeight": 10,
        "failedChecks": 0,
        "iterations": 0,
        "lastAppliedSpec": "s1-b",
        "lastPromotedSpec": "s1-a",
        "trackedConfigs": {"configmap/c": "1"},
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "workflowId": "rollout/prod/test/podinfo",
        "reason": "",
        "observedGeneration": 1,
    }


async def test_what_is_said_already_is_not_written_again() -> None:
    kube, clock = InMemoryKube(a_canary()), Clock()
    tells = reporter(kube, clock)
    await tells.tell(SLOT, PROGRESSING)
    before, writes = status(kube), len(kube.writes)
    clock.later(60)
    await tells.tell(SLOT, PROGRESSING)
    assert (status(kube), len(kube.writes)) == (before, writes)


async def test_what_is_not_told_stays_as_it_is() -> None:
    kube = InMemoryKube(a_canary())
    tells = reporter(kube, Clock())
    await tells.tell(SLOT, PROGRESSING)
    await tells.tell(SLOT, Standing(canary_weight=20))
    live = kube.get(canary_ref())
    assert int_at(live, "status", "canaryWeight") == 20
    assert text_at(live, "status", "phase") == "Progressing"
    assert text_at(live, "status", "lastAppliedSpec") == "s1-b"


async def test_a_config_that_is_no_longer_tracked_goes() -> None:
    kube = InMemoryKube(a_canary())
    tells = reporter(kube, Clock())
    await tells.tell(SLOT, PROGRESSING)
    await tells.tell(SLOT, Standing(tracked_configs={"secret/s": "2"}))
    assert at(kube.get(canary_ref()), "status", "trackedConfigs") == {"secret/s": "2"}


@pytest.mark.parametrize(
    ("phase", "promoted", "reconciling", "stalled"),
    [
        (Phase.INITIALIZING, "Unknown", "True", "False"),
        (Phase.INITIALIZED, "True", "False", "False"),
        (Phase.WAITING, "Unknown", "True", "False"),
        (Phase.PROGRESSING, "Unknown", "True", "False"),
        (Phase.WAITING_PROMOTION, "Unknown", "True", "False"),
        (Phase.PROMOTING, "Unknown", "True", "False"),
        (Phase.FINALISING, "Unknown", "True", "False"),
        (Phase.ROLLING_BACK, "Unknown", "True", "False"),
        (Phase.SUCCEEDED, "True", "False", "False"),
        (Phase.FAILED, "False", "False", "True"),
        (Phase.TERMINATING, "Unknown", "True", "False"),
    ],
)
async def test_each_phase_has_its_conditions(
    phase: Phase, promoted: str, reconciling: str, stalled: str
) -> None:
    kube = InMemoryKube(a_canary())
    await reporter(kube, Clock()).tell(SLOT, Standing(phase=phase))
    live = kube.get(canary_ref())
    found = {name: condition(live, name)["status"] for name in
             ("Promoted", "Ready", "Reconciling", "Stalled")}  # fmt: skip
    assert found == {"Promoted": promoted, "Ready": promoted, "Reconciling": reconciling,
                     "Stalled": stalled}  # fmt: skip
    assert condition(live, "Promoted")["reason"] == phase.value


async def test_a_condition_changes_its_time_only_with_its_status() -> None:
    kube, clock = InMemoryKube(a_canary()), Clock()
    tells = reporter(kube, clock)
    await tells.tell(SLOT, PROGRESSING)
    clock.later(60)
    await tells.tell(SLOT, Standing(phase=Phase.PROMOTING))
    assert condition(kube.get(canary_ref()), "Promoted")["lastTransitionTime"] == (
        "2026-01-02T03:04:05Z"
    )
    clock.later(60)
    await tells.tell(SLOT, SUCCEEDED)
    assert condition(kube.get(canary_ref()), "Promoted")["lastTransitionTime"] == (
        "2026-01-02T03:06:05Z"
    )


async def test_why_a_rollout_failed_is_the_reason_until_the_next_begins() -> None:
    kube = InMemoryKube(a_canary())
    tells = reporter(kube, Clock())
    await tells.tell(SLOT, FAILED)
    live = kube.get(canary_ref())
    assert text_at(live, "status", "reason") == Reason.FAILED_CHECKS
    assert condition(live, "Stalled")["reason"] == Reason.FAILED_CHECKS
    assert condition(live, "Promoted")["reason"] == "Failed"
    await tells.tell(SLOT, PROGRESSING)
    assert text_at(kube.get(canary_ref()), "status", "reason") == ""


def test_only_phases_of_flaggers_list_are_ever_written() -> None:
    assert {shown(phase).value for phase in Phase} == FLAGGERS_PHASES


class FlaggersOwn(InMemoryKube):
    """A server whose CRD knows nothing of our fields."""

    async def merge(
        self, ref: Ref, patch: Mapping[str, JsonValue], *, subresource: str = ""
    ) -> KubeObject:
        kept = {
            name: value
            for name, value in map_at(patch, "status").items()
            if name not in ("workflowId", "reason", "observedGeneration")
        }
        return await super().merge(ref, {**patch, "status": kept}, subresource=subresource)


async def test_with_flaggers_crd_nothing_is_written_twice_either() -> None:
    kube = FlaggersOwn(a_canary())
    tells = reporter(kube, Clock())
    await tells.tell(SLOT, PROGRESSING)
    writes = len(kube.writes)
    await tells.tell(SLOT, PROGRESSING)
    assert len(kube.writes) == writes


async def test_somebody_elses_write_in_between_is_not_undone() -> None:
    kube = InMemoryKube(a_canary())
    meddled = False

    def meddle(verb: str, ref: Ref) -> Exception | None:
        nonlocal meddled
        if verb == "merge status" and not meddled:
            meddled = True
            kube.merge_now(ref, {"status": {"conditions": [{"type": "Other", "status": "True"}]}})
        return None

    kube.refuse = meddle
    await reporter(kube, Clock()).tell(SLOT, PROGRESSING)
    live = kube.get(canary_ref())
    assert condition(live, "Other")["status"] == "True"
    assert condition(live, "Promoted")["status"] == "Unknown"


async def test_an_outage_of_a_moment_is_waited_out() -> None:
    kube, failures = InMemoryKube(a_canary()), 3

    def refuse(verb: str, ref: Ref) -> Exception | None:
        nonlocal failures
        failures -= 1
        return unreachable(verb, ref) if failures > 0 else None

    kube.refuse = refuse
    await reporter(kube, Clock()).tell(SLOT, PROGRESSING)
    assert text_at(kube.get(canary_ref()), "status", "phase") == "Progressing"


@pytest.mark.parametrize("refusal", [unreachable, forbidden])
async def test_a_word_that_cannot_be_written_fails_nobody(
    refusal: Callable[[str, Ref], Exception],
) -> None:
    kube = InMemoryKube(a_canary())
    kube.refuse = refusal
    await reporter(kube, Clock()).tell(SLOT, PROGRESSING)
    assert "status" not in kube.get(canary_ref())


async def test_a_canary_that_is_gone_is_told_nothing() -> None:
    kube = InMemoryKube()
    await reporter(kube, Clock()).tell(SLOT, PROGRESSING)
    assert kube.writes == []


async def test_each_step_of_a_release_is_an_event_of_its_own_reason() -> None:
    kube, clock = InMemoryKube(a_canary()), Clock()
    tells = reporter(kube, clock)
    for standing in (PROGRESSING, Standing(canary_weight=20), FAILED, FAILED):
        await tells.tell(SLOT, standing)
        clock.later(1)
    events = sorted(kube.of_kind("Event"), key=lambda each: str(each["eventTime"]))
    assert [(each["reason"], each["type"]) for each in events] == [
        (Occurrence.STARTED, "Normal"),
        (Occurrence.ADVANCED, "Normal"),
        (Occurrence.FAILED, "Warning"),
    ]
    assert events[2]["note"] == "too many errors"
    assert text_at(events[0], "regarding", "name") == "podinfo"
    assert text_at(events[0], "regarding", "kind") == "Canary"


async def test_an_event_that_is_refused_leaves_the_status_written() -> None:
    kube = InMemoryKube(a_canary())
    kube.refuse = lambda verb, ref: forbidden(verb, ref) if ref.kind == "Event" else None
    await reporter(kube, Clock()).tell(SLOT, PROGRESSING)
    assert text_at(kube.get(canary_ref()), "status", "phase") == "Progressing"


async def test_ends_are_counted_once_under_flaggers_names_and_go_with_the_canary() -> None:
    registry, clock = CollectorRegistry(), Clock()
    target: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    kube = InMemoryKube(a_canary("podinfo", targetRef=target))
    counters = RunCounters(registry)
    tells = reporter(kube, clock, counters)
    counters.measured(a_canary("podinfo", targetRef=target), {"request-success-rate": 99.5})
    labels = {"name": "web", "namespace": "test", "deployment_strategy": "canary",
              "analysis_status": "completed"}  # fmt: skip
    await tells.tell(SLOT, PROGRESSING)
    clock.later(90)
    await tells.tell(SLOT, SUCCEEDED)
    await tells.tell(SLOT, SUCCEEDED)
    assert registry.get_sample_value("flagger_canary_successes_total", labels) == 1
    of_target = {"name": "web", "namespace": "test"}
    assert registry.get_sample_value("flagger_canary_duration_seconds_sum", of_target) == 90
    await tells.tell(SLOT, PROGRESSING)
    await tells.tell(SLOT, FAILED)
    assert registry.get_sample_value("flagger_canary_failures_total", labels) == 1
    await tells.tell(SLOT, Standing(phase=Phase.TERMINATED))
    assert b'name="web"' not in generate_latest(registry)


def test_gauges_have_flaggers_names_and_end_with_their_canary() -> None:
    registry = CollectorRegistry()
    running: Json = {"phase": "Progressing", "canaryWeight": 30}
    canaries = {
        "a": a_canary("a", status=running),
        "b": a_canary("b", status={"phase": "Failed"}),
        "c": a_canary("c", namespace="other", status={"phase": "Succeeded"}),
    }
    registry.register(CanaryGauges(canaries.values, "1.0", "istio"))

    def value(name: str, /, **labels: str) -> float | None:
        return registry.get_sample_value(f"flagger_{name}", labels)

    assert value("info", version="1.0", mesh_provider="istio") == 1
    assert value("canary_total", namespace="test") == 2
    assert value("canary_status", name="a", namespace="test") == 0
    assert value("canary_status", name="b", namespace="test") == 2
    assert value("canary_status", name="c", namespace="other") == 1
    assert value("canary_weight", workload="a", namespace="test") == 30
    assert value("canary_weight", workload="a-primary", namespace="test") == 70
    del canaries["a"]
    assert value("canary_weight", workload="a", namespace="test") is None
    assert value("canary_total", namespace="test") == 1


async def test_the_cookies_of_affinity_are_shown_while_they_hold_and_then_as_the_last() -> None:
    sticky: Json = {"cookieName": "side", "primaryCookieName": "stay"}
    kube = InMemoryKube(a_canary(analysis={"sessionAffinity": sticky}))
    told = reporter(kube, Clock())
    await told.tell(SLOT, PROGRESSING)
    await told.tell(SLOT, Standing(canary_weight=20))
    now = kube.get(canary_ref())
    word = cookie_of(text_at(now, "metadata", "uid"), "s1-b")
    assert text_at(now, "status", "sessionAffinityCookie") == f"side={word}"
    assert text_at(now, "status", "primarySessionAffinityCookie") == f"stay={word}"
    await told.tell(SLOT, SUCCEEDED)
    after = kube.get(canary_ref())
    assert text_at(after, "status", "sessionAffinityCookie") == ""
    assert text_at(after, "status", "previousSessionAffinityCookie") == f"side={word}"


async def test_a_failed_check_is_an_event_of_its_own_with_its_value_and_limit() -> None:
    kube = InMemoryKube(a_canary(status={"phase": "Progressing", "canaryWeight": 10}))
    counters = RunCounters(registry := CollectorRegistry())
    result = CheckResult(
        measurement=Measurement(check="request-success-rate", outcome=Outcome.VALUE, value=93.5),
        verdict=Verdict.FAIL,
        threshold=Threshold(min=99.0),
    )
    tick = Tick(number=2, at=1.0, verdict=Verdict.FAIL, results=(result,))
    evidence = Evidence(ticks=(tick,), first_failure=tick)
    progress = ObserveProgress(ticks=2, failed_checks=1, evidence=evidence)
    await reporter(kube, Clock(), counters).tell(SLOT, ticked(a_request(an_analysis()), progress))
    event = next(each for each in kube.of_kind("Event"))
    assert text_at(event, "reason") == Occurrence.CHECK_FAILED
    assert text_at(event, "note") == ("tick 2 did not pass: request-success-rate 93.5, wanted ≥ 99")
    assert b'flagger_canary_metric_analysis{metric="request-success-rate"' in generate_latest(
        registry
    )
