"""Asking a gateway over its HTTP API: what commands do with `--server`.

Answers become the same values that Temporal gives, and refusals the same errors, so that a
command prints the same and ends with the same code.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
from pydantic import JsonValue, TypeAdapter, ValidationError

from activities.claims import PastRun
from worker.applying import Applied
from worker.cli.exits import CommandFailed
from worker.cli.session import Complain, Said, Texts
from worker.gateway.api.instants import text_of, undated
from worker.planning import Planned
from worker.rollouts import NoAnswer, NoRollout, RolloutRefused, Row
from worker.settings import Settings
from worker.watching import LOOK_EVERY, RolloutLost
from workflows.errors import ManifestError, SerinusError
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest, parse
from workflows.model.problem import Problem
from workflows.model.status import RolloutStatus, Verb

ANSWER_WITHIN = 45.0
"""Longer than the gateway itself waits for a worker."""
SILENT_FOR = 40.0
"""A stream says something at least every 15 seconds."""
MOST = 200
_OBJECT = TypeAdapter(dict[str, JsonValue])
_PROBLEMS = TypeAdapter(tuple[Problem, ...])
_ROWS = TypeAdapter(list[Row])
_PAST = TypeAdapter(tuple[PastRun, ...])
_PLANS = TypeAdapter(tuple[Planned, ...])
_STATUSES = TypeAdapter(tuple[RolloutStatus, ...])


class ServerUnreachable(NoAnswer):
    """The gateway does not answer, or what answers is no gateway."""


@asynccontextmanager
async def opened_remote(url: str, settings: Settings) -> AsyncGenerator["Remote"]:
    """A gateway for the length of the block."""
    headers = {"accept": "application/json, text/event-stream", **_authorization(settings)}
    async with httpx.AsyncClient(
        base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=ANSWER_WITHIN
    ) as http:
        yield Remote(http)


class Remote:
    """The API of one gateway."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def status(self, slot: Slot) -> RolloutStatus:
        return RolloutStatus.model_validate(undated(await self._get(_path(slot))))

    async def watch(self, slot: Slot, complain: Complain) -> AsyncGenerator[RolloutStatus, None]:
        """An outage is waited out: a rollout does not stop because nobody can look at it."""
        silent = False
        while True:
            try:
                async for name, data in self._events(f"{_path(slot)}/events"):
                    silent = False
                    if name == "over":
                        return
                    if name == "lost":
                        raise RolloutLost(str(_OBJECT.validate_python(data).get("detail", "")))
                    yield RolloutStatus.model_validate(undated(data))
            except NoAnswer as error:
                if not silent:
                    complain(f"{error} (still trying)")
                silent = True
            await asyncio.sleep(LOOK_EVERY)

    async def listing(self, namespace: str | None) -> list[Row]:
        chosen = {"namespace": namespace} if namespace is not None else {}
        rows = _ROWS.validate_python(undated(await self._all("/rollouts", chosen)))
        return sorted(rows, key=_newest_first)

    async def history(self, slot: Slot) -> tuple[PastRun, ...]:
        newest_first = undated(await self._all(f"{_path(slot)}/history", {}))
        return tuple(reversed(_PAST.validate_python(newest_first)))

    async def tell(self, slot: Slot, verb: Verb, said: Said) -> RolloutStatus:
        content = said.model_dump(mode="json", exclude_defaults=True, exclude={"by", "groups"})
        if isinstance(at := content.get("not_before"), float):
            content["not_before"] = text_of(at)
        return RolloutStatus.model_validate(
            undated(await self._post(f"{_path(slot)}/{verb}", content))
        )

    async def undo(self, slot: Slot, reason: str) -> str:
        content = await self._post(f"{_path(slot)}/undo", {"reason": reason})
        return str(_OBJECT.validate_python(content)["run_id"])

    async def plan(self, texts: Texts) -> tuple[Planned, ...]:
        content = _OBJECT.validate_python(await self._post("/plan", _files(texts)))
        return _PLANS.validate_python(content["plans"])

    async def manifests(
        self, kinds: Iterable[type[Manifest]], namespace: str
    ) -> tuple[Manifest, ...]:
        found: list[JsonValue] = []
        for kind in kinds:
            chosen = {"kind": kind.__name__, "namespace": namespace}
            found += await self._all("/manifests", chosen)
        return tuple(parse(each) for each in found)

    async def apply(
        self,
        texts: Texts,
        *,
        again: bool,
        report: Callable[[Applied], None],
    ) -> tuple[RolloutStatus, ...]:
        query = {"again": "true"} if again else {}
        answer = await self._ask("PUT", "/manifests", json=_files(texts), params=query)
        content = _OBJECT.validate_python(answer)
        report(Applied.model_validate(content))
        return _STATUSES.validate_python(undated(content["statuses"]))

    async def delete(self, kind: type[Manifest], namespace: str, name: str) -> RolloutStatus | None:
        path = f"/manifests/{kind.__name__}/{namespace}/{name}"
        content = _OBJECT.validate_python(await self._ask("DELETE", path))
        status = content.get("status")
        return None if status is None else RolloutStatus.model_validate(undated(status))

    async def _all(self, path: str, chosen: Mapping[str, str]) -> list[JsonValue]:
        """Every item of every page."""
        items: list[JsonValue] = []
        query = {**chosen, "limit": str(MOST)}
        while True:
            page = _OBJECT.validate_python(await self._get(path, query))
            found, cursor = page["items"], page.get("next")
            items += found if isinstance(found, list) else []
            if not isinstance(cursor, str):
                return items
            query["cursor"] = cursor

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> JsonValue:
        return await self._ask("GET", path, params=query or {})

    async def _post(self, path: str, content: JsonValue) -> JsonValue:
        """With a key, so that the client may send it again if the answer is lost."""
        return await self._ask("POST", path, json=content, key=uuid4().hex)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: JsonValue = None,
        key: str = "",
    ) -> JsonValue:
        headers = {"idempotency-key": key} if key else {}
        try:
            answer = await self._http.request(
                method, path, params=params, json=json, headers=headers
            )
        except httpx.HTTPError as error:
            raise _unreachable(self._http, error) from error
        if not answer.is_success:
            raise _refusal(self._http, answer)
        return _content(self._http, answer)

    async def _events(self, path: str) -> AsyncIterator[tuple[str, JsonValue]]:
        """Names and contents of server-sent events, until the server ends the stream."""
        limits = httpx.Timeout(ANSWER_WITHIN, read=SILENT_FOR)
        try:
            async with self._http.stream("GET", path, timeout=limits) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise _refusal(self._http, answer)
                name = "message"
                async for line in answer.aiter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        name = value
                    elif field == "data":
                        yield name, json.loads(value)
        except httpx.HTTPError as error:
            raise _unreachable(self._http, error) from error


def _path(slot: Slot) -> str:
    return f"/rollouts/{slot.cluster}/{slot.namespace}/{slot.name}"


def _files(texts: Texts) -> dict[str, JsonValue]:
    return {"files": [{"name": name, "text": text} for name, text in texts]}


def _newest_first(row: Row) -> tuple[float, float]:
    """As Temporal lists: what runs first, then what ended last."""
    return -(row.ended_at or float("inf")), -row.started_at


def _authorization(settings: Settings) -> dict[str, str]:
    token = settings.token.get_secret_value()
    if not token and settings.token_file is not None:
        try:
            token = settings.token_file.expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandFailed(f"SERINUS_TOKEN_FILE: cannot be read: {error}") from error
    token = token.strip()
    return {"authorization": f"Bearer {token}"} if token else {}


def _content(http: httpx.AsyncClient, answer: httpx.Response) -> JsonValue:
    try:
        content: JsonValue = answer.json()
    except ValueError as error:
        raise ServerUnreachable(f"{http.base_url} is no Serinus gateway") from error
    return content


def _refusal(http: httpx.AsyncClient, answer: httpx.Response) -> SerinusError:
    """What a problem means, as the error that Temporal's way raises."""
    try:
        problem = _OBJECT.validate_json(answer.content)
    except ValidationError:
        return ServerUnreachable(f"{http.base_url} answers {answer.status_code}, no gateway does")
    text = str(problem.get("detail") or problem.get("title") or answer.status_code)
    reason = str(problem.get("reason") or "")
    match answer.status_code:
        case 401:
            return CommandFailed(f"{http.base_url}: {text}; set SERINUS_TOKEN to a token")
        case 404:
            return NoRollout(text)
        case 422 if reason == ManifestError.reason:
            return ManifestError(_PROBLEMS.validate_python(problem.get("problems", [])))
        case 429 | 502 | 503 | 504:
            return NoAnswer(text)
        case _:
            return RolloutRefused(text, reason)


def _unreachable(http: httpx.AsyncClient, error: httpx.HTTPError) -> ServerUnreachable:
    words = str(error) or type(error).__name__
    return ServerUnreachable(f"{http.base_url} does not answer: {words}")
