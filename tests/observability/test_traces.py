"""Traces by OTLP: one from the request that triggers a release to the writes of its weights."""

import asyncio
import json
import os
import signal
from collections import Counter

from activities.local.supervisor import Supervisor
from tests.fakes_observe import HookReceiver
from tests.integration.hooks import edit
from tests.integration.manifests import a_canary, a_hook, a_shop
from tests.integration.patience import eventually
from tests.integration.scene import Scene
from tests.observability.conftest import Observed
from tests.observability.receiver import Seen
from worker.stack.stack import WORKER
from workflows.model.requests import Outcome

SECRET = "T0KEN-IN-A-PATH"


async def trigger(observed: Observed, scene: Scene) -> None:
    """As a pipeline does: change what is kept, then ask the gateway to look."""
    await edit(scene, a_shop(scene.name, "v2"))
    answer = await observed.api.post(f"/rollouts/local/default/{scene.name}/submit", json={})
    assert answer.status_code == 202, answer.text


async def whole(observed: Observed, run_id: str) -> list[Seen]:
    """All spans of the trace of a run, once the span of the run itself has come."""
    found: list[Seen] = []

    async def has_come() -> bool:
        nonlocal found
        of_run = observed.receiver.of_run(run_id)
        runs = [seen for seen in of_run if seen.name == "RunWorkflow:Rollout"]
        found = [seen for seen in observed.receiver.spans if runs and seen.trace == runs[0].trace]
        return bool(runs) and any(seen.name.startswith("POST api") for seen in found)

    await eventually(has_come, "the trace of the run is complete")
    return found


def path_of(span: Seen, spans: list[Seen]) -> list[str]:
    """The names from the root to a span."""
    known = {each.id: each for each in spans}
    names = [span.name]
    while span.parent in known:
        span = known[span.parent]
        names.append(span.name)
    assert not span.parent, f"{span.name} hangs in the air"
    return names[::-1]


async def test_one_trace_goes_from_the_request_to_the_writes_of_weights(
    observed: Observed, scene: Scene, hooks: HookReceiver
) -> None:
    watch = a_hook("watch", "rollout", f"{hooks.url}/{SECRET}?key={SECRET}")
    analysis = {"stepWeights": [50], "webhooks": [watch]}
    await scene.begin(a_canary(scene.name, analysis=analysis), a_shop(scene.name, "v1"))
    async with scene.users():
        await trigger(observed, scene)
        await scene.ends(Outcome.PROMOTED)
        run_id = (await scene.status()).run_id
        spans = await whole(observed, run_id)
    paths = {tuple(path_of(span, spans)) for span in spans}
    start = ("POST api", "StartUpdateWithStartWorkflow:Rollout")
    run = (*start, "RunWorkflow:Rollout")
    observe = ("StartActivity:analysis.observe", "RunActivity:analysis.observe")
    assert (*start, "HandleUpdate:submit") in paths
    assert (*run, "StartActivity:planning.prepare", "RunActivity:planning.prepare") in paths
    assert (*run, *observe, "write routes") in paths
    assert (*run, *observe, "POST") in paths  # the hook
    writes = sorted(
        (span for span in spans if span.name == "write routes"),
        key=lambda span: span.span.start_time_unix_nano,
    )
    weights = [span.attributes["serinus.canary_weight"] for span in writes]
    assert "50" in weights
    assert weights[-1] == "0"
    assert {span.service for span in spans} == {"serinus-gateway", "serinus-worker"}
    got = [request for request in hooks.received if SECRET in request.path]
    assert {request.headers["traceparent"].split("-")[1] for request in got} == {spans[0].trace}
    assert_nothing_secret(observed)


def assert_nothing_secret(observed: Observed) -> None:
    everything = b"".join(observed.receiver.bodies)
    assert b"127.0.0.1" in everything
    for secret in (SECRET, observed.token):
        assert secret.encode() not in everything


async def test_a_worker_that_is_killed_leaves_one_span_of_each_thing(
    observed: Observed, scene: Scene
) -> None:
    gate = a_hook("ask", "confirm-promotion", f"{observed.stack.ports.loadtester_url}/gate/check")
    analysis = {"stepWeights": [50], "webhooks": [gate]}
    await scene.begin(a_canary(scene.name, analysis=analysis), a_shop(scene.name, "v1"))
    async with scene.users():
        await trigger(observed, scene)
        run_id = (await scene.waits_at("confirm-promotion")).run_id
        await sent(observed, run_id, "RunActivity:workload.start_canary")
        await kill_worker(observed)
        await scene.turn_gate("open")
        await scene.ends(Outcome.PROMOTED)
        spans = await whole(observed, run_id)
    ids = Counter(span.id for span in spans)
    assert [span.name for span in spans if ids[span.id] > 1] == []
    commands = Counter(span.name for span in spans if span.name.startswith("StartActivity:"))
    for name in ("planning.prepare", "workload.start_canary", "workload.promote"):
        assert commands[f"StartActivity:{name}"] == 1
    assert Counter(span.name for span in spans)["RunWorkflow:Rollout"] == 1


async def sent(observed: Observed, run_id: str, name: str) -> None:
    async def has_come() -> bool:
        return any(seen.name == name for seen in observed.receiver.of_run(run_id))

    await eventually(has_come, f"{name} was sent")


async def kill_worker(observed: Observed) -> None:
    """The next one replays the history."""
    states = await Supervisor(observed.stack.home).states()
    before = states[WORKER].pid
    os.kill(before, signal.SIGKILL)

    async def another_runs() -> bool:
        now = (await Supervisor(observed.stack.home).states()).get(WORKER)
        return now is not None and now.pid not in (0, before)

    await eventually(another_runs, "another worker runs")


async def test_what_is_asked_all_the_time_begins_no_trace(observed: Observed, scene: Scene) -> None:
    await scene.begin(a_canary(scene.name), a_shop(scene.name, "v1"))
    await observed.api.get(f"/rollouts/local/default/{scene.name}")
    await scene.status()
    await eventually(lambda: _true(bool(observed.receiver.named("GET api"))), "a request was sent")
    names = Counter(seen.name.partition(":")[0] for seen in observed.receiver.spans)
    assert not names.keys() & {"QueryWorkflow", "HandleQuery", "ValidateUpdate"}
    roots = {seen.name for seen in observed.receiver.spans if not seen.parent}
    assert not roots & {"GET", "POST"}


async def _true(value: bool) -> bool:
    return value


async def test_logs_carry_the_ids_of_run_activity_and_span(
    observed: Observed, scene: Scene
) -> None:
    await scene.begin(a_canary(scene.name), a_shop(scene.name, "v1"))
    async with scene.users():
        await trigger(observed, scene)
        await scene.ends(Outcome.PROMOTED)
    run_id = (await scene.status()).run_id
    spans = await whole(observed, run_id)
    ids = {span.id for span in spans}
    home = observed.stack.home
    gateway = await asyncio.to_thread(home.log("serinus.gateway").read_text)
    lines = [json.loads(line) for line in gateway.splitlines() if line.startswith("{")]
    [line] = [
        each
        for each in lines
        if each.get("trace_id") == spans[0].trace and each.get("event") == "request"
    ]
    assert line["span_id"] in ids
