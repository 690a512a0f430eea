"""Asks metric providers; the one place where a metric query meets the network.

The observe activity calls `measure` for every check of a tick at once. Trouble with a provider is
a measurement, never an exception: whether it fails the check is for policy to say.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import httpx
from temporalio.exceptions import ApplicationError

from activities.metrics.provider import (
    CannotAskError,
    MetricProvider,
    Reading,
    denied,
    down,
    invalid,
    without_password,
)
from activities.metrics.registry import provider_named
from workflows.errors import reason_of
from workflows.model.measurement import Measurement, MetricQuery

TIMEOUT_SECONDS = 5.0
LARGEST_ANSWER = 4_000_000

_NOT_HTTP = (
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
    httpx.TooManyRedirects,
    httpx.DecodingError,
)

Secrets = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""Reads a secret by namespace and name; fails with an ApplicationError (`SecretMissing`)."""


class MetricsEngine:
    """One for a worker; owns neither the client nor the secrets."""

    def __init__(
        self, http: httpx.AsyncClient, secrets: Secrets, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._http = http
        self._secrets = secrets
        self._timeout = timeout_seconds

    async def measure(self, query: MetricQuery) -> Measurement:
        """Ask once; no retry, since the next tick asks again."""
        started = time.monotonic()
        reading = await self._reading(query)
        return Measurement(
            check=query.check,
            outcome=reading.outcome,
            value=reading.value,
            reason=reading.reason,
            message=reading.message,
            query=query.query,
            took=time.monotonic() - started,
        )

    async def _reading(self, query: MetricQuery) -> Reading:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._ask(provider_named(query.provider), query)
        except CannotAskError as error:
            return error.reading
        except ApplicationError as error:
            return denied(error.message, reason_of(error))
        except TimeoutError:
            return down(f"the provider did not answer within {self._timeout:g} s")
        except _NOT_HTTP as error:
            return invalid(f"the provider cannot be asked by HTTP: {error}")
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            return down(f"{without_password(query.address)} cannot be reached: {why}")

    async def _ask(self, provider: MetricProvider, query: MetricQuery) -> Reading:
        secret: Mapping[str, str] = {}
        if query.secret is not None:
            secret = await self._secrets(query.secret.namespace, query.secret.name)
        request = provider.request(query, secret)
        async with self._client(query) as client:
            response = await client.send(request, stream=True, follow_redirects=True)
            try:
                return provider.read(await _whole(response))
            finally:
                await response.aclose()

    @asynccontextmanager
    async def _client(self, query: MetricQuery) -> AsyncGenerator[httpx.AsyncClient]:
        """The shared client, or one of its own for a query that does not verify certificates."""
        if not query.insecure_skip_verify:
            yield self._http
            return
        async with httpx.AsyncClient(verify=False, timeout=self._timeout) as client:  # noqa: S501
            yield client


async def _whole(response: httpx.Response) -> httpx.Response:
    """The response with its body; an answer without an end must not fill the memory."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise CannotAskError(invalid(f"the answer is larger than {LARGEST_ANSWER // 10**6} MB"))
    return httpx.Response(response.status_code, content=bytes(body))
