"""A stack of its own for the tests that kill parts of it; each leaves it whole again."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.audits import assert_audited
from tests.integration.chaos.parts import Parts
from tests.integration.scene import RealStack, open_stack


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RealStack]:
    async with open_stack(tmp_path_factory.mktemp("chaos")) as stack:
        yield stack
        await asyncio.to_thread(assert_audited, stack.settings.audit_path)


@pytest.fixture
async def parts(stack: RealStack) -> AsyncGenerator[Parts]:
    parts = Parts(stack)
    yield parts
    await parts.made_whole()
