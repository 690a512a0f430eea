"""Why a release ended as it did: its record, made again, and the audit log that holds it."""

import asyncio
import json
from pathlib import Path

from aiohttp import web
from pydantic import JsonValue

from tests.fakes_observe import HookReceiver
from tests.integration.chaos.parts import Parts
from tests.integration.conftest import NewScene
from tests.integration.manifests import HELD, a_canary, a_hook, a_shop
from tests.integration.patience import together
from tests.integration.scene import RealStack, Scene
from worker import records
from workflows.errors import Reason
from workflows.model.manifest import parse
from workflows.model.record import DecisionRecord, Told
from workflows.model.requests import Outcome
from workflows.model.status import Verb
from workflows.records.replaying import replayed


async def the_record(scene: Scene, folder: Path) -> DecisionRecord:
    """As the command line prints it; it is the one in the audit log, and replays to itself."""
    file = folder / f"{scene.name}.json"
    parts = Parts(scene.on)
    code, printed = await parts.serinus("record", scene.name, "-o", "json")
    assert code == 0, printed
    await asyncio.to_thread(file.write_text, printed)
    data = records.read_record(printed)
    assert data == records.newest_audited(log_of(scene.on), scene.slot)
    code, said = await parts.serinus("replay", str(file))
    assert (code, said.strip().endswith("no difference")) == (0, True), said
    return records.parsed(data)


def log_of(stack: RealStack) -> Path:
    path = stack.settings.audit_path
    assert path is not None
    return path


async def test_good_bad_and_refused_releases_replay_from_their_records_without_difference(
    new_scene: NewScene, stack: RealStack, tmp_path: Path
) -> None:
    async def good(scene: Scene) -> None:
        name = scene.name
        await scene.begin(a_canary(name), a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2"))
            await scene.ends(Outcome.PROMOTED)
        record = await the_record(scene, tmp_path)
        assert record.outcome is Outcome.PROMOTED
        assert [each.routes.canary for each in record.written] == [20, 60, 0]

    async def bad(scene: Scene) -> None:
        name = scene.name
        canary = a_canary(name, analysis={"interval": HELD, "stepWeights": [50]})
        await scene.begin(canary, a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2", {"ERROR_RATE": "0.5"}))
            await scene.ends(Outcome.ROLLED_BACK, Reason.GUARD_ERRORS)
        record = await the_record(scene, tmp_path)
        assert (record.outcome, record.reason) == (Outcome.ROLLED_BACK, Reason.GUARD_ERRORS)
        assert record.restored is not None
        assert record.restored.ended_at is not None

    async def refused(scene: Scene) -> None:
        name = scene.name
        check = f"{scene.on.ports.loadtester_url}/gate/check"
        analysis = {"webhooks": [a_hook("ask", "confirm-promotion", check)]}
        await scene.begin(a_canary(name, analysis=analysis), a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2"))
            await scene.waits_at("confirm-promotion")
            await scene.answer(Verb.REJECT, "confirm-promotion")
            await scene.ends(Outcome.ROLLED_BACK, Reason.REJECTED)
        record = await the_record(scene, tmp_path)
        told = [one.event for one in record.decided if isinstance(one.event, Told)]
        assert [(each.verb, each.by) for each in told] == [(Verb.REJECT, "ana")]

    await together(good(new_scene()), bad(new_scene()), refused(new_scene()))
    parts, log = Parts(stack), str(log_of(stack))
    code, said = await parts.serinus("audit", "verify")
    assert (code, "every line is as it was written" in said) == (0, True), said
    head = said.split()[-1]
    code, said = await parts.serinus("replay", "--audit", log)
    assert (code, "no difference" in said) == (0, True), said
    await found_wrong(parts, Path(log), head, tmp_path)


async def found_wrong(parts: Parts, log: Path, head: str, folder: Path) -> None:
    """A line less, a line changed, and an end cut off."""
    for number, wrong in enumerate(wrongs(log, folder)):
        code, said = await parts.serinus("audit", "verify", str(wrong), "--head", head)
        assert code == 1, (number, said)


def wrongs(log: Path, folder: Path) -> list[Path]:
    *_, before_last, last = lines = log.read_bytes().splitlines(keepends=True)
    changed = before_last.replace(b'"at"', b'"AT"', 1)
    made = (lines[:2] + lines[3:], [*lines[:-2], changed, last], lines[:-1])
    paths = [folder / f"wrong-{number}.jsonl" for number in range(len(made))]
    for path, wrong in zip(paths, made, strict=True):
        path.write_bytes(b"".join(wrong))
    return paths


async def test_a_page_tells_people_what_was_decided(scene: Scene) -> None:
    name = scene.name
    canary = a_canary(name, analysis={"interval": HELD, "stepWeights": [50]})
    await scene.begin(canary, a_shop(name, "v1"))
    await scene.apply(a_shop(name, "v2"))
    await scene.at("weight-50")
    await scene.tell(Verb.ABORT, "p99 is up")
    await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
    code, page = await Parts(scene.on).serinus("record", name)
    assert code == 0, page
    assert "aborted by ana: p99 is up" in page
    assert "| request-success-rate |" in page
    assert "ana (claimed, temporal): abort: p99 is up at `weight-50`" in page


async def test_a_changed_record_does_not_replay(scene: Scene, tmp_path: Path) -> None:
    name = scene.name
    await scene.begin(a_canary(name), a_shop(name, "v1"))
    record = await the_record(scene, tmp_path)
    data = records.read_record(record.model_dump_json())
    assert not replayed(data).differences
    changed = json.loads(json.dumps(data).replace('"go"', '"hold"', 1))
    assert replayed(changed).differences


PASSWORD = "hunter2-of-the-provider"
ANSWER: dict[str, JsonValue] = {
    "status": "success",
    "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "99.9"]}]},
}


async def test_no_credential_of_a_metric_provider_is_in_a_record_or_in_the_log(
    scene: Scene, receiver: HookReceiver
) -> None:
    name = scene.name
    answers = (web.json_response(ANSWER) for _ in range(50))
    receiver.at("/prometheus/api/v1/query", *answers)
    secret = scene.on.home.root / "secrets" / "default" / name
    await asyncio.to_thread(keep, secret, username="ana", password=PASSWORD)
    provider = {
        "type": "prometheus",
        "address": f"{receiver.url}/prometheus",
        "headers": {"x-scope": [PASSWORD]},
        "secretRef": {"name": name},
    }
    template = parse(
        {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "MetricTemplate",
            "metadata": {"name": name},
            "spec": {"provider": provider, "query": "1"},
        }
    )
    asked = {"name": "well", "templateRef": {"name": name}, "thresholdRange": {"min": 99}}
    canary = a_canary(name, analysis={"metrics": [asked], "stepWeights": [50]})
    await scene.begin(template, canary, a_shop(name, "v1"))
    await scene.apply(a_shop(name, "v2"))
    await scene.ends(Outcome.PROMOTED)
    assert any("Authorization" in each.headers for each in receiver.received)
    record = await records.record_of(scene.on.client, scene.slot)
    assert '"well"' in json.dumps(record)
    assert PASSWORD not in json.dumps(record)
    assert PASSWORD not in await asyncio.to_thread(log_of(scene.on).read_text)


def keep(folder: Path, **keys: str) -> None:
    folder.mkdir(parents=True)
    for key, value in keys.items():
        (folder / key).write_text(value)
