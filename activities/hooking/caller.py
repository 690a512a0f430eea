"""Outbound webhooks in Flagger's wire format: gates, rollout hooks, rollback hooks, undo hooks.

`HookCaller` makes one call, with its retries, and always comes back with an answer: trouble at the
receiver is a finding, not an error. Called by `activities.analysis.observe` at every tick and by
`activities.hooking.calls` between steps.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from activities.hooking.retries import pause_before_next
from workflows.errors import Reason
from workflows.model.hook import Hook, HookAnswer

BODY_LIMIT = 1_000
REDIRECT_LIMIT = 10


class Envelope(BaseModel):
    """What a receiver gets; the field names are Flagger's."""

    name: str
    namespace: str
    phase: str
    checksum: str = ""
    metadata: dict[str, str] = {}

    def payload(self, hook: Hook) -> bytes:
        """Add the hook's own metadata, where the envelope has not said something else."""
        metadata = {**(hook.metadata or {}), **self.metadata}
        whole = self.model_copy(update={"metadata": metadata})
        return whole.model_dump_json(exclude=None if metadata else {"metadata"}).encode()


def idempotency_keys(
    run_id: str, step: str, tick: int, hooks: Sequence[Hook]
) -> tuple[tuple[Hook, str], ...]:
    """Pair each hook with its `run/step/tick/hook`, the same for every attempt at this tick.

    Names of hooks need not be unique nor plain text, keys and HTTP headers must be.
    """
    seen: dict[str, int] = {}
    keyed: list[tuple[Hook, str]] = []
    for hook in hooks:
        seen[hook.name] = seen.get(hook.name, 0) + 1
        again = f"#{seen[hook.name]}" if seen[hook.name] > 1 else ""
        key = "/".join(quote(part, safe="") for part in (run_id, step, str(tick), hook.name))
        keyed.append((hook, key + again))
    return tuple(keyed)


class HookCaller:
    """Calls one hook; made by `open_hook_caller`, one a worker."""

    def __init__(
        self,
        verifying: httpx.AsyncClient,
        unverifying: httpx.AsyncClient,
        *,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._verifying = verifying
        self._unverifying = unverifying
        self._pause = pause

    async def call(self, hook: Hook, envelope: Envelope, key: str) -> HookAnswer:
        """Call until an answer that another attempt would not change, or attempts run out."""
        payload = envelope.payload(hook)
        attempt = 1
        while True:
            answer, retry_after = await self._attempt(hook, payload, key, attempt)
            wait = pause_before_next(answer, retry_after)
            if attempt > hook.retries or wait is None:
                return answer
            await self._pause(wait)
            attempt += 1

    async def _attempt(
        self, hook: Hook, payload: bytes, key: str, number: int
    ) -> tuple[HookAnswer, str | None]:
        started = time.monotonic()
        trouble, status, body, retry_after = "", None, "", None
        try:
            async with asyncio.timeout(hook.timeout):
                response = await self._post(hook, payload, key)
                status, retry_after = response.status_code, response.headers.get("retry-after")
                body = await _beginning(response)
        except TimeoutError:
            trouble = f"no answer within {hook.timeout:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            trouble = f"{type(error).__name__}: {error}".rstrip(": ")
        ok = not trouble and status is not None and 200 <= status < 300
        answer = HookAnswer(
            name=hook.name,
            type=hook.type,
            ok=ok,
            status=status,
            body=body,
            took=time.monotonic() - started,
            attempts=number,
            reason=None if ok else Reason.HOOK_UNREACHABLE if trouble else Reason.HOOK_FAILED,
            message="" if ok else _complaint(hook, number, trouble, status, body),
        )
        return answer, retry_after

    async def _post(self, hook: Hook, payload: bytes, key: str) -> httpx.Response:
        """Post, and follow redirects that repeat the method (307, 308) only.

        The others would turn the call into a GET without a payload, and a log-in page that answers
        200 into an open gate.
        """
        client = self._unverifying if hook.disable_tls else self._verifying
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        request = client.build_request("POST", hook.url, content=payload, headers=headers)
        response = await client.send(request, stream=True)
        for _ in range(REDIRECT_LIMIT):
            if response.status_code not in (307, 308) or response.next_request is None:
                break
            await response.aclose()
            response = await client.send(response.next_request, stream=True)
        return response


@asynccontextmanager
async def open_hook_caller() -> AsyncGenerator[HookCaller]:
    """Hold the two HTTP clients of a worker's hooks: one verifies certificates, one does not.

    No connection is kept: one that the receiver closes in the moment of reuse would be counted as
    a failed check.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    unlimited = httpx.Timeout(None)  # each call has its own limit, of the whole attempt
    async with (
        httpx.AsyncClient(limits=limits, timeout=unlimited) as verifying,
        httpx.AsyncClient(limits=limits, timeout=unlimited, verify=False) as unverifying,  # noqa: S501  disableTLS
    ):
        yield HookCaller(verifying, unverifying)


async def _beginning(response: httpx.Response) -> str:
    """Read no more of a body than is kept, however long it is."""
    kept = b""
    try:
        async for chunk in response.aiter_bytes():
            kept += chunk
            if len(kept) >= 4 * BODY_LIMIT:
                break
    finally:
        await response.aclose()
    return kept[: 4 * BODY_LIMIT].decode(errors="replace")[:BODY_LIMIT]


def _complaint(hook: Hook, attempts: int, trouble: str, status: int | None, body: str) -> str:
    what = trouble or f"answered {status}" + (f": {body[:200].strip()}" if body.strip() else "")
    tries = "" if attempts == 1 else f" at attempt {attempts}"
    # No URL: it may hold a token, and messages travel further than manifests.
    return f"{hook.type} hook {hook.name!r} {what}{tries}"
