"""One gateway for the session, on the one stack there is."""

from collections.abc import AsyncGenerator

import pytest

from tests.integration.api.gateway import RealGateway, open_gateway
from tests.integration.scene import RealStack


@pytest.fixture(scope="session")
async def gateway(stack: RealStack) -> AsyncGenerator[RealGateway]:
    async with open_gateway(stack) as gateway:
        yield gateway
