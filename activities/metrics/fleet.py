"""Many metrics pages scraped as one: the pods of a router, or of a canary and its primary.

Each page is differenced by itself, so a pod that restarts, goes or comes does not show in the sum.
What a pod had counted before it was first seen counts as nothing: nobody knows when that was.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import httpx

from activities.metrics.app_page import AppPage
from activities.metrics.counters import NOTHING, RouterCounters, ServiceCounters
from activities.metrics.scrape import TraefikPage

PAGE_TIMEOUT = 1.0
"""Seconds; less than the guard's longest gap, so that one dead pod does not blind it."""
LEFT_ALONE = 10.0
"""Seconds for which a pod that never had counters is not asked for them again."""


@dataclass(frozen=True, slots=True)
class Member:
    """One page. All counters of an application's page belong to `side`; a router's have names."""

    url: str
    side: str | None = None


Members = Callable[[], Awaitable[Sequence[Member]]]


class Fleet:
    """A source for `Scraping`; `members` is asked before each round."""

    def __init__(self, http: httpx.AsyncClient, name: str, members: Members) -> None:
        self.name = name
        self._http = http
        self._members = members
        self._pages: dict[Member, TraefikPage | AppPage] = {}
        self._before: dict[Member, RouterCounters] = {}
        self._sum: RouterCounters = {}
        self._alone: dict[Member, tuple[float, ValueError]] = {}

    async def counters(self) -> RouterCounters:
        """The sum of all pages; ValueError where a side has members and none can be read."""
        members = await self._members()
        if not members:
            raise ValueError("there are no pods yet")
        answers = await asyncio.gather(*(self._try(member) for member in members))
        self._forget(members)
        for member, answer in zip(members, answers, strict=True):
            if not isinstance(answer, Exception):
                self._add(member, answer)
        for side in {member.side for member in members}:
            _check([a for m, a in zip(members, answers, strict=True) if m.side == side], side)
        return self._sum

    async def _try(self, member: Member) -> RouterCounters | Exception:
        until, trouble = self._alone.get(member, (0.0, None))
        if trouble is not None and time.monotonic() < until:
            return trouble
        try:
            async with asyncio.timeout(PAGE_TIMEOUT):
                return await self._read(member)
        except TimeoutError:
            return TimeoutError(f"{member.url} did not answer within {PAGE_TIMEOUT:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return ValueError(f"{member.url}: {str(error) or type(error).__name__}")
        except (ValueError, OverflowError) as error:
            trouble = ValueError(f"{member.url} {error}")
            if self._may_never_count(member):
                self._alone[member] = (time.monotonic() + LEFT_ALONE, trouble)
            return trouble

    def _may_never_count(self, member: Member) -> bool:
        """Not a router, which has a page as soon as it has started."""
        return member.side is not None and member not in self._before

    async def _read(self, member: Member) -> RouterCounters:
        response = await self._http.get(member.url, headers={"Accept-Encoding": "identity"})
        if response.status_code == 404:
            raise ValueError("is not there (404)")
        response.raise_for_status()
        new = TraefikPage() if member.side is None else AppPage()
        read = self._pages.setdefault(member, new).read(response.text)
        return {member.side or "": read} if isinstance(read, ServiceCounters) else read

    def _add(self, member: Member, now: RouterCounters) -> None:
        before = self._before.get(member)
        self._before[member] = now
        if before is None:
            return
        total = dict(self._sum)
        for service, counted in now.items():
            more = counted.since(before.get(service, NOTHING))
            total[service] = total.get(service, NOTHING).plus(more)
        self._sum = total

    def _forget(self, members: Sequence[Member]) -> None:
        """Pods that are gone do not come back under their old address."""
        for kept in (self._pages, self._before, self._alone):
            for gone in kept.keys() - set(members):
                del kept[gone]


def _check(answers: Sequence[RouterCounters | Exception], side: str | None) -> None:
    troubles = [answer for answer in answers if isinstance(answer, Exception)]
    if len(troubles) == len(answers):
        whose = f"no page of the {side}" if side else "no page"
        raise ValueError(f"{whose} can be read: {troubles[0]}")
