"""What a pasted manifest would do: its steps, or what is wrong with it and where."""

from starlette.requests import Request
from starlette.responses import Response

from worker.gateway.pages.desk import Desk
from worker.gateway.pages.order_pages import form_of
from worker.gateway.pages.plans import Drawn, drawn
from worker.planning import manifests_of, plans_of
from workflows.errors import ManifestError
from workflows.model.problem import Problem

LONGEST = 200_000


class PreviewPage:
    """`/plan`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request) -> Response:
        person = await self._desk.person(request)
        return await self._desk.page(request, person, "plan.html", text="", plans=(), problems=())

    async def draw(self, request: Request) -> Response:
        """Compile what was pasted; nothing is kept."""
        person = await self._desk.person(request)
        text = (await form_of(self._desk, request)).get("manifest", "")[:LONGEST]
        plans: tuple[Drawn, ...] = ()
        problems: tuple[Problem, ...] = ()
        try:
            plans = tuple(drawn(each) for each in plans_of(manifests_of([("", text)])))
        except ManifestError as error:
            problems = error.problems
        status = 422 if problems else 200
        return await self._desk.page(
            request, person, "plan.html", status, text=text, plans=plans, problems=problems
        )
