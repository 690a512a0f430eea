"""An engine that sends to receivers on loopback."""

from collections.abc import AsyncGenerator, Mapping

import pytest
from temporalio.testing import ActivityEnvironment

from activities.alerts.engine import AlertEngine, open_alert_client
from tests.activities.alerts.receiver import Receiver, receiving
from workflows.errors import Reason, failure
from workflows.model.alert import Alert, AlertRoute
from workflows.model.announcement import LookAtRun, RunSeen, SendAlert


class Secrets:
    """Secrets by `namespace/name`."""

    def __init__(self) -> None:
        self.kept: dict[str, Mapping[str, str]] = {}

    async def __call__(self, namespace: str, name: str) -> Mapping[str, str]:
        if (found := self.kept.get(f"{namespace}/{name}")) is None:
            raise failure(Reason.SECRET_MISSING, f"no secret {name}", retryable=False)
        return found


class Sender:
    """Runs the activity as a worker does."""

    def __init__(self, engine: AlertEngine) -> None:
        self.engine = engine

    async def __call__(self, alert: Alert, route: AlertRoute) -> None:
        await ActivityEnvironment().run(self.engine.send, SendAlert(alert=alert, route=route))


async def nothing_seen(request: LookAtRun) -> RunSeen:
    return RunSeen(running=True)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
async def send(secrets: Secrets) -> AsyncGenerator[Sender]:
    """Without a gateway: no alert has a link."""
    async with open_alert_client() as http:
        yield Sender(AlertEngine(http, secrets, nothing_seen))


@pytest.fixture
async def linking(secrets: Secrets) -> AsyncGenerator[Sender]:
    """With one."""
    async with open_alert_client() as http:
        yield Sender(AlertEngine(http, secrets, nothing_seen, "https://serinus.test/"))


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as receiver:
        yield receiver
