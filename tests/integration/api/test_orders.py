"""Deciding over HTTP: once a key, only on what was seen, and only by those who may."""

from uuid import uuid4

import pytest

from tests.integration.api.gateway import ADMIN, PEOPLE, PLACES, RealGateway
from tests.integration.api.targets import path_of, read, waiting
from tests.integration.manifests import a_canary, a_shop
from tests.integration.scene import Scene
from worker.gateway.identity import NEEDED, Role
from workflows.model.requests import Outcome
from workflows.model.status import Verb

STALE = {"if-match": '"seen-long-ago"'}
BODIES: dict[str, dict[str, str]] = {Verb.SKIP: {"undo": "none"}}
ORDERS: dict[str, Role] = {
    **{str(verb): role for verb, role in NEEDED.items()},
    "undo": Role.OPERATOR,
}


async def test_only_the_roles_that_may_give_an_order_are_let_through(
    scene: Scene, gateway: RealGateway
) -> None:
    """Each order is stale: who may give it learns that, and nothing is changed by any."""
    await waiting(scene)
    before = await scene.status()
    for person, (role, namespace) in PEOPLE.items():
        async with gateway.client(person) as http:
            for verb, needed in ORDERS.items():
                answer = await http.post(
                    f"{path_of(scene)}/{verb}", json=BODIES.get(verb, {}), headers=STALE
                )
                if namespace == PLACES["foreign"]:
                    assert "no target" in str(read(answer, 404)["detail"]), (person, verb)
                elif role < needed:
                    wanted = needed.name.lower()
                    assert wanted in str(read(answer, 403)["detail"]), (person, verb)
                else:
                    assert read(answer, 412)["reason"] == "StaleDecision", (person, verb)
    after = await scene.status()
    assert (after.run_id, after.entries) == (before.run_id, before.entries)


async def test_nobody_sees_what_is_not_for_them(scene: Scene, gateway: RealGateway) -> None:
    await waiting(scene)
    for person, (_, namespace) in PEOPLE.items():
        sees = namespace == scene.slot.namespace
        async with gateway.client(person) as http:
            for part in ("", "/history"):
                answer = await http.get(path_of(scene) + part)
                assert answer.status_code == (200 if sees else 404), (person, part)
            listed = read(await http.get("/rollouts", params={"limit": 200}))["items"]
            assert (scene.name in str(listed)) is sees
    async with gateway.client("") as http:
        for path in ("/rollouts", path_of(scene), "/manifests"):
            assert (await http.get(path)).status_code == 401


@pytest.mark.parametrize("again", [False, True])
async def test_a_key_counts_once_even_after_the_rollout_has_ended(
    scene: Scene, gateway: RealGateway, again: bool
) -> None:
    name = scene.name
    await scene.begin(a_canary(name), a_shop(name, "v1"))
    key = {"idempotency-key": f"build {uuid4()}" if again else str(uuid4())}
    async with gateway.client() as http:
        first = await http.post(f"{path_of(scene)}/submit", json={"reason": "ci"}, headers=key)
        run = read(first, 202)["run_id"]
        assert first.headers["location"] == f"/api/v1{path_of(scene)}"
        await scene.ends(Outcome.UNCHANGED)
        second = await http.post(f"{path_of(scene)}/submit", json={"reason": "ci"}, headers=key)
        assert second.headers["idempotent-replayed"] == "true"
        assert (second.status_code, second.content) == (202, first.content)
        assert (await scene.status()).run_id == run
        other = await http.post(f"{path_of(scene)}/submit", json={"reason": "cd"}, headers=key)
        assert "another request" in str(read(other, 422)["detail"])
        elsewhere = await http.post(f"{path_of(scene)}/pause", json={"reason": "ci"}, headers=key)
        read(elsewhere, 422)
    async with gateway.client("operator-own") as http:
        # A key is a person's own: the same one of somebody else is another.
        answer = await http.post(f"{path_of(scene)}/submit", json={"reason": "ci"}, headers=key)
        assert read(answer, 202)["run_id"] != run


async def test_an_approval_of_what_is_no_longer_so_changes_nothing_and_says_why(
    scene: Scene, gateway: RealGateway
) -> None:
    await waiting(scene)
    async with gateway.client("approver-own") as http:
        seen = (await http.get(path_of(scene))).headers["etag"]
        approve = f"{path_of(scene)}/approve"
        answer = await http.post(approve, json={"comment": "go"}, headers={"if-match": seen})
        read(answer)
        before = await scene.waits_at("confirm-promotion")
        stale = await http.post(approve, json={}, headers={"if-match": seen})
        problem = read(stale, 412)
        assert problem["reason"] == "StaleDecision"
        assert "step confirm-promotion" in str(problem["detail"])
        after = await scene.status()
        assert after.waiting is not None
        assert (after.entries, after.waiting.given) == (before.entries, ())
        fresh = {"if-match": stale.headers["etag"]}
        read(await http.post(approve, json={}, headers=fresh))
    await scene.ends(Outcome.PROMOTED)


async def test_an_order_carries_the_name_of_who_gave_it(scene: Scene, gateway: RealGateway) -> None:
    await waiting(scene)
    async with gateway.client("operator-own") as http:
        status = read(await http.post(f"{path_of(scene)}/pause", json={"reason": "lunch"}))
        assert status["paused"] is True
        read(await http.post(f"{path_of(scene)}/resume"))
        read(await http.post(f"{path_of(scene)}/abort", json={"reason": "enough"}))
    result = await scene.result()
    assert (result.outcome, result.message) == (
        Outcome.ROLLED_BACK,
        "aborted by operator-own: enough",
    )
    actors = {entry.actor for entry in (await scene.status()).entries}
    assert "operator-own" in actors


async def test_a_rollout_that_is_over_takes_no_order(scene: Scene, gateway: RealGateway) -> None:
    name = scene.name
    await scene.begin(a_canary(name), a_shop(name, "v1"))
    async with gateway.client(ADMIN) as http:
        problem = read(await http.post(f"{path_of(scene)}/abort"), 409)
        assert problem["reason"] == "NotAllowedNow"
        nowhere = await http.post("/rollouts/local/default/nobody/abort")
        read(nowhere, 404)


async def test_undo_releases_the_revision_before(scene: Scene, gateway: RealGateway) -> None:
    name = scene.name
    await scene.begin(a_canary(name, analysis={"metrics": []}), a_shop(name, "v1"))
    await scene.apply(a_shop(name, "v2"))
    await scene.ends(Outcome.PROMOTED)
    key = {"idempotency-key": str(uuid4())}
    async with gateway.client() as http:
        first = await http.post(f"{path_of(scene)}/undo", json={"reason": "worse"}, headers=key)
        again = await http.post(f"{path_of(scene)}/undo", json={"reason": "worse"}, headers=key)
        assert read(first, 202)["run_id"] == read(again, 202)["run_id"]
    await scene.ends(Outcome.PROMOTED)
    assert await scene.versions() == {"v1"}
