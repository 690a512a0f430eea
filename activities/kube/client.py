"""`KubeApi` over a real API server: raw JSON, discovered paths, one reason for each refusal.

Made by `activities.kube.connect`; nothing is tried again here, except where a list's page or a
kind's place has expired: callers are activities, which Temporal retries, and watches.
"""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from random import SystemRandom

from opentelemetry.trace import SpanKind
from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.kube import refusals
from activities.kube.api import Listed, Seen
from activities.kube.discovery import Discovery, Place
from activities.kube.objects import FIELD_MANAGER, KubeObject, Ref, map_at, maps_at, ref_of, text_at
from activities.kube.transport import APPLY, JSON, Answer, NoAnswerError, Request, Transport
from activities.kube.watch import ERROR, GONE, Scope, Watched, watched
from activities.tracing import spanned
from workflows.errors import Reason, reason_of

PAGE = 500
MERGE = "application/merge-patch+json"
WATCH_FOR = 150
"""Seconds after which a server ends a watch, give or take a fifth; going on costs one request."""
SILENCE = 15.0
"""Seconds more than that, after which a silent connection is dead."""


@dataclass(frozen=True, slots=True)
class _Write:
    verb: str
    method: str
    ref: Ref
    body: Mapping[str, JsonValue] | Sequence[JsonValue]
    content_type: str = JSON
    subresource: str = ""
    force: str = ""


class KubeClient:
    """One for a cluster; `requests` counts what was asked by `verb Kind`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovery = Discovery(self._discover)
        self.requests: Counter[str] = Counter()

    async def read(self, ref: Ref) -> KubeObject | None:
        asked = f"read {ref}"
        place = await self._discovery.place(asked, ref.api_version, ref.kind)
        answer = await self._send(f"read {ref.kind}", asked, Request("GET", _path(place, ref)))
        return None if self._is_missing(asked, ref, answer) else _object(asked, answer, ref)

    async def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> Listed:
        scope = Scope(api_version, kind, namespace, labels)
        asked = f"list {scope}"
        place = await self._discovery.place(asked, api_version, kind)
        items: list[KubeObject] = []
        page = ""
        while True:
            answer = await self._page(asked, place, scope, page)
            if answer.status == GONE and page:
                items, page = [], ""  # the pages have expired: begin again
                continue
            if not answer.is_fine:
                raise self._refusal(asked, scope.api_version, scope.kind, answer)
            items += _items(scope, answer)
            page = text_at(answer.data, "metadata", "continue")
            if not page:
                return Listed(items, text_at(answer.data, "metadata", "resourceVersion"))

    def watch(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> AsyncGenerator[Seen]:
        return watched(self, Scope(api_version, kind, namespace, labels))

    async def events(self, scope: Scope, resource_version: str) -> AsyncGenerator[Watched]:
        """The events of one watch request, until the server or the network ends it."""
        asked = f"watch {scope}"
        place = await self._discovery.place(asked, scope.api_version, scope.kind)
        seconds = int(WATCH_FOR * SystemRandom().uniform(0.8, 1.2))
        query = [
            *_selected(scope),
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", resource_version),
            ("timeoutSeconds", str(seconds)),
        ]
        request = Request("GET", place.path(scope.namespace), query)
        self.requests[f"watch {scope.kind}"] += 1
        try:
            async with self._transport.stream(request, seconds + SILENCE) as lines:
                if isinstance(lines, Answer):
                    if lines.status == GONE:
                        yield Watched(ERROR, {"code": GONE})
                        return
                    raise self._refusal(asked, scope.api_version, scope.kind, lines)
                async for line in lines:
                    yield _event(asked, scope, line)
        except NoAnswerError as error:
            raise refusals.unreachable(asked, str(error)) from error

    async def create(self, obj: KubeObject) -> KubeObject:
        return await self._write(_Write("create", "POST", ref_of(obj), obj))

    async def apply(
        self, obj: KubeObject, *, resource_version: str | None = None, force: bool = True
    ) -> KubeObject:
        if resource_version == "":
            return await self._apply_new(obj)
        if resource_version is not None:
            obj = {
                **obj,
                "metadata": {**map_at(obj, "metadata"), "resourceVersion": resource_version},
            }
        return await self._write(
            _Write("apply", "PATCH", ref_of(obj), obj, APPLY, force="true" if force else "false")
        )

    async def replace(self, obj: KubeObject) -> KubeObject:
        return await self._write(_Write("replace", "PUT", ref_of(obj), obj))

    async def merge(
        self, ref: Ref, patch: Mapping[str, JsonValue], *, subresource: str = ""
    ) -> KubeObject:
        verb = f"merge {subresource}".strip()
        return await self._write(_Write(verb, "PATCH", ref, patch, MERGE, subresource))

    async def delete(self, ref: Ref, *, uid: str | None = None, grace: int | None = None) -> None:
        asked = f"delete {ref}"
        body: dict[str, JsonValue] = {"propagationPolicy": "Background"}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        try:
            place = await self._discovery.place(asked, ref.api_version, ref.kind)
        except ApplicationError as error:
            if reason_of(error) is Reason.KIND_NOT_INSTALLED:
                return
            raise
        request = Request("DELETE", _path(place, ref), body=body)
        answer = await self._send(f"delete {ref.kind}", asked, request)
        if not answer.is_fine and answer.status != 404:
            raise refusals.refusal(asked, answer)

    async def _apply_new(self, obj: KubeObject) -> KubeObject:
        """Only a create says that there was none; its fields are then made ours as if applied.

        A controller may write its status at once: what is newer by then is read and told the same.
        """
        live = await self.create(obj)
        while True:
            metadata: dict[str, JsonValue] = {
                "resourceVersion": text_at(live, "metadata", "resourceVersion"),
                "managedFields": list(_as_applied(live)),
            }
            try:
                return await self.merge(ref_of(obj), {"metadata": metadata})
            except ApplicationError as error:
                newer = await self.read(ref_of(obj))
                if reason_of(error) is not Reason.CONFLICT or newer is None:
                    raise
                live = newer

    async def _write(self, write: "_Write") -> KubeObject:
        ref, asked = write.ref, f"{write.verb} {write.ref}"
        place = await self._discovery.place(asked, ref.api_version, ref.kind)
        path = _path(place, ref, write.subresource, named=write.method != "POST")
        query = [("fieldManager", FIELD_MANAGER)]
        if write.force:
            query.append(("force", write.force))
        request = Request(write.method, path, query, write.body, write.content_type)
        answer = await self._send(f"{write.verb} {ref.kind}", asked, request)
        if write.method != "POST" and self._is_missing(asked, ref, answer):
            raise refusals.conflict(asked, "it is gone")
        return _object(asked, answer, ref)

    async def _page(self, asked: str, place: Place, scope: Scope, page: str) -> Answer:
        query = [*_selected(scope), ("limit", str(PAGE))]
        if page:
            query.append(("continue", page))
        request = Request("GET", place.path(scope.namespace), query)
        return await self._send(f"list {scope.kind}", asked, request)

    async def _discover(self, asked: str, path: str) -> KubeObject | None:
        answer = await self._send("discover", asked, Request("GET", path))
        if answer.status == 404:
            return None
        if not answer.is_fine:
            raise refusals.refusal(asked, answer)
        return answer.data

    async def _send(self, counted: str, asked: str, request: Request) -> Answer:
        self.requests[counted] += 1
        verb, _, kind = counted.rpartition(" ")
        about = {"k8s.verb": verb or kind, "k8s.kind": kind, "k8s.asked": asked}
        with spanned(f"kubernetes {counted}", about, SpanKind.CLIENT) as span:
            try:
                answer = await self._transport.send(request)
            except NoAnswerError as error:
                raise refusals.unreachable(asked, str(error)) from error
            span.set_attribute("http.response.status_code", answer.status)
            return answer

    def _is_missing(self, asked: str, ref: Ref, answer: Answer) -> bool:
        """Whether there is none of that name; without its kind, there is no name in the answer."""
        if answer.status != 404:
            return False
        if text_at(answer.data, "details", "name"):
            return True
        raise self._refusal(asked, ref.api_version, ref.kind, answer)

    def _refusal(self, asked: str, api_version: str, kind: str, answer: Answer) -> Exception:
        if answer.status == 404 and not text_at(answer.data, "details", "name"):
            self._discovery.forget(api_version)
            return refusals.not_installed(asked, api_version, kind)
        return refusals.refusal(asked, answer)


def _path(place: Place, ref: Ref, subresource: str = "", *, named: bool = True) -> str:
    return place.path(ref.namespace, ref.name if named else "", subresource)


def _selected(scope: Scope) -> list[tuple[str, str]]:
    return [("labelSelector", scope.labels)] if scope.labels else []


def _items(scope: Scope, answer: Answer) -> list[KubeObject]:
    """The server leaves out of each item what is the same for all of a list."""
    return [
        {**item, "apiVersion": scope.api_version, "kind": scope.kind}
        for item in maps_at(answer.data, "items")
    ]


def _object(asked: str, answer: Answer, ref: Ref) -> KubeObject:
    if not answer.is_fine:
        raise refusals.refusal(asked, answer)
    return {**answer.data, "apiVersion": ref.api_version, "kind": ref.kind}


def _event(asked: str, scope: Scope, line: bytes) -> Watched:
    try:
        event = json.loads(line)
    except ValueError as error:
        raise refusals.unreachable(asked, "it was cut in the middle of an event") from error
    obj: KubeObject = event.get("object") or {}
    if event.get("type") != ERROR:
        obj = {**obj, "apiVersion": scope.api_version, "kind": scope.kind}
    return Watched(str(event.get("type")), obj)


def _as_applied(created: KubeObject) -> list[JsonValue]:
    """Fields of a create as if by server-side apply, so that the next apply may take some away."""
    return [
        {**entry, "operation": "Apply"} if entry.get("manager") == FIELD_MANAGER else entry
        for entry in maps_at(created, "metadata", "managedFields")
    ]
