"""A gateway that is there before Temporal is."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.activities.gateway.scene import Scene
from tests.conftest import binary
from tests.integration.patience import eventually
from tests.oidc.provider import free_port
from workflows.converter import DATA_CONVERTER
from workflows.search_attributes import ALL


async def test_it_answers_503_until_temporal_is_there(scene: Scene) -> None:
    port = free_port()
    address = f"127.0.0.1:{port}"
    scene.client = await Client.connect(address, data_converter=DATA_CONVERTER, lazy=True)
    async with scene.running() as running, running.browser() as browser:
        await browser.get(running.link())
        for path in ("/api/v1/rollouts", "/"):
            down = await browser.get(path)
            assert down.status_code == 503
            assert int(down.headers["retry-after"]) >= 1
        assert (await browser.get("/readyz")).status_code == 503
        assert (await browser.get("/healthz")).status_code == 200
        assert await running.signed_in(browser) == "ana"
        async with await WorkflowEnvironment.start_local(
            port=port,
            dev_server_existing_path=binary("temporal"),
            dev_server_startup_timeout=timedelta(minutes=1),
            search_attributes=ALL,
        ):

            async def is_up() -> bool:
                return (await browser.get("/readyz")).status_code == 200

            await eventually(is_up, "the gateway has reached Temporal")
            assert (await browser.get("/api/v1/rollouts")).status_code == 200
