"""The API against its own description: whatever is sent, no server error and no breach.

Half of what is sent is about a rollout that waits; orders that happen to be right are obeyed.
"""

from collections.abc import AsyncGenerator, MutableMapping
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings
from pydantic import JsonValue
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi import from_dict

from tests.integration.api.gateway import ADMIN, RealGateway
from tests.integration.api.targets import waiting
from tests.integration.scene import RealStack, Scene
from worker.gateway.api.openapi import document
from worker.gateway.api.serving import BASE
from worker.gateway.api.table import TABLE
from workflows.model.identity import Slot

EXAMPLES = 15
SPOKEN_OF = Slot(name="spoken-of")
REFUSED = ["2xx", "401", "403", "404", "409", "412", "422"]
"""What data of the right shape may be answered with: it may still make no sense now."""
WRONG = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422"]
"""What data of the wrong shape may be answered with; a text may be too long for any body."""
SLOW = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much)
LISTS = ("list", "history", "manifests")
CONFIG = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": REFUSED},
        "negative_data_rejection": {"expected-statuses": WRONG},
    },
    "operations": [
        {
            # A cursor of the right shape that was never given.
            "include-operation-id": name,
            "checks": {"positive_data_acceptance": {"expected-statuses": [*REFUSED, "400"]}},
        }
        for name in LISTS
    ],
}


class Sent(Protocol):
    """One request that schemathesis thought of."""

    headers: MutableMapping[str, str]

    def call_and_validate(self, base_url: str) -> object: ...


def described() -> dict[str, JsonValue]:
    """The document, with the path of a rollout that is there."""
    found = document(TABLE, BASE)
    for parameter in _path_parameters(found):
        if parameter["name"] in SPOKEN_OF.model_fields_set | {"cluster", "namespace"}:
            parameter["example"] = getattr(SPOKEN_OF, str(parameter["name"]))
    return found


def _path_parameters(found: JsonValue) -> list[dict[str, JsonValue]]:
    if isinstance(found, list):
        return [each for item in found for each in _path_parameters(item)]
    if not isinstance(found, dict):
        return []
    if found.get("in") == "path":
        return [found]
    return [each for item in found.values() for each in _path_parameters(item)]


schema = from_dict(described(), config=SchemathesisConfig.from_dict(CONFIG))


@pytest.fixture(scope="module")
async def spoken_of(stack: RealStack) -> AsyncGenerator[Scene]:
    scene = Scene(stack, SPOKEN_OF)
    await waiting(scene)
    yield scene
    await scene.clear()


@schema.parametrize()  # pyright: ignore[reportUntypedFunctionDecorator]  schemathesis has no type for it
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW)
def test_every_operation_keeps_to_its_description(
    case: Sent, gateway: RealGateway, spoken_of: Scene
) -> None:
    case.headers["Authorization"] = f"Bearer {gateway.tokens[ADMIN]}"
    case.call_and_validate(base_url=f"{gateway.url}{BASE}")


async def test_the_document_that_is_served_is_the_one_that_is_generated(
    gateway: RealGateway,
) -> None:
    async with gateway.client("") as http:
        assert (await http.get("/openapi.json")).json() == document(TABLE, BASE)
