"""The first page: every rollout that the person may see, those that wait for them first."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from worker.gateway.identity import Person
from worker.gateway.pages.desk import Desk
from worker.gateway.watching import Overview
from worker.rollouts import Row
from workflows.model.identity import Slot
from workflows.model.plan import Strategy
from workflows.model.status import Phase, Verb

A_PAGE = 50
KEPT = 100
"""Drawings of the list that are kept, each for people of the same rights and choice."""
BANNERS = 5
"""Waiting rollouts that get a banner of their own."""


@dataclass(frozen=True)
class Wanted:
    """What the person has chosen to see."""

    namespace: str = ""
    phase: str = ""
    strategy: str = ""
    page: int = 1

    @classmethod
    def of(cls, request: Request) -> "Wanted":
        given = request.query_params
        number = given.get("page", "1")
        page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
        return cls(
            given.get("namespace", ""),
            given.get("phase", ""),
            given.get("strategy", ""),
            max(1, page),
        )

    def takes(self, row: Row) -> bool:
        return (
            self.namespace in ("", row.slot.namespace)
            and self.phase in ("", row.phase)
            and self.strategy in ("", row.strategy)
        )

    def at(self, page: int) -> str:
        """The query of another page of the same choice."""
        chosen = {
            "namespace": self.namespace,
            "phase": self.phase,
            "strategy": self.strategy,
            "page": str(page) if page > 1 else "",
        }
        return urlencode({name: value for name, value in chosen.items() if value})

    @property
    def query(self) -> str:
        return self.at(self.page)


@dataclass(frozen=True)
class Shown:
    """One page of the list; `mine` wait for an answer that this person may give."""

    rows: tuple[Row, ...]
    mine: tuple[Row, ...]
    total: int
    pages: int
    running: int


def shown(rows: Sequence[Row], person: Person, wanted: Wanted) -> Shown:
    """What a person gets to see of everything."""
    seen = [row for row in rows if person.may_see(row.slot) and wanted.takes(row)]
    waiting = [row for row in seen if row.awaiting_approval and row.state == "running"]
    mine = tuple(row for row in waiting if person.may(Verb.APPROVE, row.slot))
    slots = frozenset(row.slot for row in mine)
    ordered = sorted(seen, key=lambda row: _rank(row, slots))
    pages = max(1, -(-len(ordered) // A_PAGE))
    begin = (min(wanted.page, pages) - 1) * A_PAGE
    return Shown(
        rows=tuple(ordered[begin : begin + A_PAGE]),
        mine=mine[:BANNERS],
        total=len(ordered),
        pages=pages,
        running=sum(1 for row in seen if row.state == "running"),
    )


def namespaces(rows: Sequence[Row], person: Person) -> list[str]:
    """Those in which the person may see anything."""
    return sorted({row.slot.namespace for row in rows if person.may_see(row.slot)})


class OverviewPage:
    """`GET /`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._drawn: dict[tuple[Person, Wanted], tuple[Overview, dict[str, str]]] = {}

    async def show(self, request: Request) -> Response:
        person = await self._desk.person(request)
        overview = await self._desk.watcher.overview()
        wanted = Wanted.of(request)
        return await self._desk.page(
            request,
            person,
            "overview.html",
            wanted=wanted,
            namespaces=namespaces(overview.rows, person),
            phases=list(Phase),
            strategies=list(Strategy),
            live=f"/live?{wanted.query}",
            parts=self.parts(overview, person, wanted),
            trouble=overview.trouble,
        )

    def parts(self, overview: Overview, person: Person, wanted: Wanted) -> dict[str, str]:
        """The pieces that change while one looks, by the id of their place.

        Drawn once for all windows of the same rights and choice.
        """
        known = self._drawn.get((person, wanted))
        if known is not None and known[0] is overview:
            return known[1]
        parts = self._draw(overview, person, wanted)
        self._drawn.pop((person, wanted), None)
        self._drawn[person, wanted] = (overview, parts)
        if len(self._drawn) > KEPT:
            del self._drawn[next(iter(self._drawn))]
        return parts

    def _draw(self, overview: Overview, person: Person, wanted: Wanted) -> dict[str, str]:
        seen = shown(overview.rows, person, wanted)
        draw = self._desk.part
        return {
            "part-away": draw("parts/away.html", trouble=overview.trouble),
            "part-mine": draw("parts/mine.html", rows=seen.mine),
            "part-rows": draw("parts/rows.html", shown=seen, wanted=wanted),
        }


def _rank(row: Row, mine: frozenset[Slot]) -> tuple[bool, bool, bool, float, str]:
    """Mine first, then what waits for others, then what runs, then the newest."""
    running = row.state == "running"
    waits = running and row.awaiting_approval
    return (row.slot not in mine, not waits, not running, -row.started_at, row.slot.key)
