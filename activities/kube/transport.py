"""Requests to an API server through the official client: its TLS, credentials and proxy settings.

Used by `activities.kube.client` alone. JSON goes in and out as it is; the client's models, which
drop what they do not know, are not used.
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientResponse, ClientTimeout
from kubernetes.aio.client import ApiClient
from pydantic import JsonValue

CONNECT_WITHIN = 5.0
ANSWER_WITHIN = 30.0
JSON = "application/json"
APPLY = "application/apply-patch+yaml; charset=utf-8"
"""With the charset, so that the official client sends our text as it is."""
_SURROGATES = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")


class NoAnswerError(Exception):
    """The server was not reached or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; the path is quoted already."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: Mapping[str, JsonValue] | Sequence[JsonValue] | None = None
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said; anything but a JSON object is kept as text."""

    status: int
    data: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    text: str = ""
    retry_after: str = ""

    @property
    def is_fine(self) -> bool:
        return 200 <= self.status < 300


class Transport:
    """One pool of connections to one server."""

    def __init__(self, client: ApiClient, *, answer_within: float = ANSWER_WITHIN) -> None:
        self._client = client
        self._limits = ClientTimeout(total=answer_within, sock_connect=CONNECT_WITHIN)

    async def send(self, request: Request) -> Answer:
        """One request and its whole answer."""
        try:
            async with self._opened(request, self._limits) as response:
                return await _read(response)
        except (ClientError, TimeoutError, OSError) as error:
            raise NoAnswerError(_told(error)) from error

    @asynccontextmanager
    async def stream(
        self, request: Request, idle: float
    ) -> AsyncGenerator[AsyncIterator[bytes] | Answer]:
        """The lines of an answer as they come, or the answer if it is a refusal.

        A connection that is silent for `idle` seconds is given up.
        """
        limits = ClientTimeout(total=None, sock_connect=CONNECT_WITHIN, sock_read=idle)
        try:
            async with self._opened(request, limits) as response:
                yield _lines(response) if response.status == 200 else await _read(response)
        except (ClientError, TimeoutError, OSError) as error:
            raise NoAnswerError(_told(error)) from error

    async def close(self) -> None:
        await self._client.rest_client.close()

    @asynccontextmanager
    async def _opened(
        self, request: Request, limits: ClientTimeout
    ) -> AsyncGenerator[ClientResponse]:
        method, url, headers, body, _ = await self._client.param_serialize(
            request.method,
            request.path,
            query_params=list(request.query),
            header_params={"Accept": JSON, "Content-Type": request.content_type},
            body=_as_yaml(request.body) if request.content_type == APPLY else request.body,
            auth_settings=["BearerToken"],
        )
        answer = await self._client.call_api(method, url, headers, body, _request_timeout=limits)
        response: ClientResponse = answer.response
        async with response:
            yield response


def _as_yaml(body: object) -> str:
    """JSON that is YAML too, which knows no pairs of escapes for one letter."""
    return _SURROGATES.sub(lambda pair: str(json.loads(f'"{pair.group()}"')), json.dumps(body))


async def _read(response: ClientResponse) -> Answer:
    raw = await response.read()
    retry_after = response.headers.get("Retry-After", "")
    try:
        data: JsonValue = json.loads(raw)
    except ValueError:
        data = None
    if isinstance(data, dict):
        return Answer(response.status, data, retry_after=retry_after)
    return Answer(response.status, text=raw.decode(errors="replace"), retry_after=retry_after)


async def _lines(response: ClientResponse) -> AsyncGenerator[bytes]:
    """Whole lines, however long: an object may be larger than a reader's limit."""
    rest = b""
    async for chunk in response.content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
