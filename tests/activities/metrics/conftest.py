"""A provider on loopback, and an engine that asks it."""

from collections.abc import AsyncGenerator, Mapping

import httpx
import pytest

from activities.metrics.engine import MetricsEngine
from tests.activities.metrics.provider_server import Provider, serving
from workflows.errors import Reason, failure

SECRETS: Mapping[str, Mapping[str, str]] = {
    "shop/token": {"token": "s3cret\n"},
    "shop/basic": {"username": "ann", "password": "p:w"},
    "shop/half": {"username": "ann"},
}


async def secrets(namespace: str, name: str) -> Mapping[str, str]:
    try:
        return SECRETS[f"{namespace}/{name}"]
    except KeyError as error:
        message = f"there is no secret {namespace}/{name}"
        raise failure(Reason.SECRET_MISSING, message, retryable=False) from error


@pytest.fixture
async def http() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
async def provider() -> AsyncGenerator[Provider]:
    async with serving() as provider:
        yield provider


@pytest.fixture
def engine(http: httpx.AsyncClient) -> MetricsEngine:
    return MetricsEngine(http, secrets, timeout_seconds=2.0)
