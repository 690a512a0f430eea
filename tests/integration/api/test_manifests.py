"""Manifests, previews and events over HTTP."""

import json

import pytest
from pydantic import TypeAdapter

from activities.manifests import dump
from tests.integration.api.gateway import RealGateway
from tests.integration.api.targets import OBJECT, path_of, read, waiting
from tests.integration.manifests import a_canary, a_policy, a_shop
from tests.integration.scene import Scene
from workflows.model.manifest import Manifest, parse
from workflows.model.requests import Outcome

YAML = {"content-type": "application/yaml"}


def texts(*manifests: Manifest) -> str:
    return "---\n".join(map(dump, manifests))


async def test_what_is_applied_is_rolled_out_and_read_back(
    scene: Scene, gateway: RealGateway
) -> None:
    name = scene.name
    canary, shop = a_canary(name), a_shop(name, "v1")
    async with gateway.client("operator-own") as http:
        answer = await http.put("/manifests", content=texts(canary, shop), headers=YAML)
        applied = read(answer)
        assert [each["changed"] for each in _objects(applied["changes"])] == [True, True]
        assert [each["workflow_id"] for each in _objects(applied["statuses"])] == [
            scene.slot.workflow_id
        ]
        await scene.ends(Outcome.INITIALISED)
        again = read(await http.put("/manifests", content=texts(canary, shop), headers=YAML))
        assert again["triggers"] == []
        found = read(await http.get(f"/manifests/canary/default/{name}"))
        assert parse(found) == canary
        deleted = read(await http.delete(f"/manifests/Canary/default/{name}"))
        assert deleted["key"] == f"default/{name}"
        await scene.ends(Outcome.REVERTED)
        read(await http.get(f"/manifests/canary/default/{name}"), 404)


async def test_what_says_who_must_approve_is_for_admins(scene: Scene, gateway: RealGateway) -> None:
    policy = texts(a_policy(scene.name, supersede="queue"))
    for person, status in {
        "viewer-own": 403,
        "operator-own": 403,
        "admin-foreign": 404,
        "admin-own": 200,
    }.items():
        async with gateway.client(person) as http:
            answer = await http.put("/manifests", content=policy, headers=YAML)
            assert answer.status_code == status, (person, answer.text)
    async with gateway.client("viewer-own") as http:
        read(await http.get(f"/manifests/rolloutpolicy/default/{scene.name}"))
        problem = read(await http.delete(f"/manifests/rolloutpolicy/default/{scene.name}"), 403)
        assert "admin" in str(problem["detail"])
    async with gateway.client("admin-own") as http:
        read(await http.delete(f"/manifests/rolloutpolicy/default/{scene.name}"))


async def test_processes_and_their_variables_are_not_for_viewers(
    scene: Scene, gateway: RealGateway
) -> None:
    name = scene.name
    await scene.begin(a_canary(name), a_shop(name, "v1"))
    async with gateway.client("viewer-own") as http:
        kinds = {each["kind"] for each in _objects(read(await http.get("/manifests"))["items"])}
        assert "Canary" in kinds
        assert "Process" not in kinds
        read(await http.get(f"/manifests/process/default/{name}"), 403)
    async with gateway.client("admin-foreign") as http:
        assert read(await http.get("/manifests"))["items"] == []
        read(await http.get(f"/manifests/process/default/{name}"), 404)


async def test_one_may_not_release_what_belongs_to_others(
    scene: Scene, gateway: RealGateway
) -> None:
    """Nothing is kept of a set that is about a namespace of somebody else."""
    name = scene.name
    async with gateway.client("operator-foreign") as http:
        read(await http.put("/manifests", content=texts(a_canary(name)), headers=YAML), 404)
    async with gateway.client() as http:
        read(await http.get(f"/manifests/canary/default/{name}"), 404)


async def test_a_preview_is_the_plan_or_every_problem_with_its_path(
    scene: Scene, gateway: RealGateway
) -> None:
    name = scene.name
    async with gateway.client("viewer-foreign") as http:
        shown = read(
            await http.post(
                "/plan", content=texts(a_canary(name), a_shop(name, "v1")), headers=YAML
            )
        )
        (planned,) = _objects(shown["plans"])
        assert planned["name"] == f"default/{name}"
        bad = {"name": "bad.yaml", "text": "kind: Canary\napiVersion: flagger.app/v1beta1\n"}
        worse = {"name": "worse.yaml", "text": "kind: Canari\n"}
        problem = read(await http.post("/plan", json={"files": [bad, worse]}), 422)
        assert problem["reason"] == "InvalidManifest"
        places = {(each["where"], each["path"]) for each in _objects(problem["problems"])}
        assert ("worse.yaml:1", "kind") in places
        assert any(str(where).startswith("bad.yaml") for where, _ in places)


async def test_events_tell_every_step_and_then_the_end(scene: Scene, gateway: RealGateway) -> None:
    await waiting(scene)
    names: list[str] = []
    steps: list[str] = []
    async with gateway.client() as http, http.stream("GET", f"{path_of(scene)}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                names.append(value)
            if field != "data" or names[-1] != "status":
                continue
            status = OBJECT.validate_python(json.loads(value))
            gate = status["waiting"]
            if isinstance(gate, dict) and gate["step"] not in steps:
                steps.append(str(gate["step"]))
                await gateway_approves(gateway, scene, steps[-1])
    assert steps == ["confirm-rollout", "confirm-promotion"]
    assert names[-1] == "over"
    await scene.ends(Outcome.PROMOTED)


async def gateway_approves(gateway: RealGateway, scene: Scene, step: str) -> None:
    async with gateway.client("approver-own") as http:
        read(await http.post(f"{path_of(scene)}/approve", json={"step": step}))


@pytest.mark.parametrize("waits", [True, False])
async def test_lists_are_chosen_and_paged(scene: Scene, gateway: RealGateway, waits: bool) -> None:
    await waiting(scene)
    query: dict[str, str] = {"waiting": str(waits).lower(), "strategy": "weighted"}
    async with gateway.client() as http:
        whole = _objects(read(await http.get("/rollouts", params=query))["items"])
        assert (scene.name in str(whole)) is waits
        met: list[object] = []
        path = "/api/v1/rollouts?limit=1&" + "&".join(f"{k}={v}" for k, v in query.items())
        while path:
            answer = await http.get(gateway.url + path)
            met += _objects(read(answer)["items"])
            path = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
        assert met == whole
        other = await http.get("/rollouts", params={"limit": "1"})
        cursor = read(other)["next"]
        if isinstance(cursor, str):
            read(await http.get("/rollouts", params={**query, "cursor": cursor}), 400)


def _objects(value: object) -> list[dict[str, object]]:
    return OBJECTS.validate_python(value)


OBJECTS = TypeAdapter(list[dict[str, object]])
