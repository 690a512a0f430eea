"""Targets for tests of the API, and how they are spoken to over it."""

from collections.abc import Mapping

import httpx
from pydantic import JsonValue, TypeAdapter

from tests.integration.manifests import a_canary, a_hook, a_shop
from tests.integration.scene import Scene

OBJECT = TypeAdapter(dict[str, JsonValue])
GATES = ("confirm-rollout", "confirm-promotion")


def path_of(scene: Scene) -> str:
    slot = scene.slot
    return f"/rollouts/{slot.cluster}/{slot.namespace}/{slot.name}"


async def waiting(scene: Scene) -> None:
    """A target whose second version waits at its first gate."""
    name = scene.name
    check = f"{scene.on.ports.loadtester_url}/gate/check"
    hooks = [a_hook(kind, kind, check) for kind in GATES]
    await scene.begin(
        a_canary(name, analysis={"webhooks": hooks, "metrics": []}), a_shop(name, "v1")
    )
    await scene.apply(a_shop(name, "v2"))
    await scene.waits_at("confirm-rollout")


def read(answer: httpx.Response, status: int = 200) -> Mapping[str, JsonValue]:
    """The object of an answer with this status; problems are problem+json."""
    assert answer.status_code == status, answer.text
    media = answer.headers["content-type"]
    assert media == ("application/json" if status < 400 else "application/problem+json")
    found = OBJECT.validate_json(answer.content)
    assert status < 400 or found["status"] == status
    return found
