"""Where a kind is in an API: its plural name and whether it lives in namespaces; asked once.

Used by `activities.kube.client`.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from activities.kube.objects import KubeObject, maps_at, text_at
from activities.kube.refusals import not_installed

ABSENT_FOR = 10.0
"""Seconds for which a missing kind is not asked for again."""

Asked = Callable[[str, str], Awaitable[KubeObject | None]]
"""Reads a path for a named purpose; None where there is none."""


@dataclass(frozen=True, slots=True)
class Place:
    """A kind's place in the API."""

    root: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        parts = [self.root]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts += [self.plural, *(quote(each, safe="") for each in (name, subresource) if each)]
        return "/".join(parts)


class Discovery:
    """What one server serves, as far as anybody has asked."""

    def __init__(self, ask: Asked, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._known: dict[str, Mapping[str, Place]] = {}
        self._absent: dict[tuple[str, str], float] = {}

    async def place(self, asked: str, api_version: str, kind: str) -> Place:
        """`KindNotInstalled` if the server does not serve it."""
        found = self._known.get(api_version, {}).get(kind)
        if found is not None:
            return found
        if self._absent.get((api_version, kind), 0.0) <= self._clock():
            self._known[api_version] = await self._served(api_version)
            found = self._known[api_version].get(kind)
        if found is None:
            self._absent.setdefault((api_version, kind), self._clock() + ABSENT_FOR)
            raise not_installed(asked, api_version, kind)
        self._absent.pop((api_version, kind), None)
        return found

    def forget(self, api_version: str) -> None:
        """Something that was there is not: ask again."""
        self._known.pop(api_version, None)

    async def _served(self, api_version: str) -> Mapping[str, Place]:
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        answer = await self._ask(f"discover {api_version}", root)
        served = maps_at(answer, "resources") if answer is not None else ()
        return {
            text_at(each, "kind"): Place(root, name, each.get("namespaced") is True)
            for each in served
            if "/" not in (name := text_at(each, "name"))
        }
