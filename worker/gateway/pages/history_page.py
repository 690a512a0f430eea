"""The past of a target: its runs, taking it back to the revision before, two runs compared."""

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from worker import rollouts
from worker.gateway import problems, speaking
from worker.gateway.pages.desk import Desk, slot_of
from worker.gateway.pages.differences import difference
from worker.gateway.pages.order_pages import form_of, path_of
from worker.gateway.pages.rollout_page import RUN_ID
from worker.gateway.pages.runs import Compared, runs_of
from worker.gateway.problems import Problem
from worker.gateway.speaking import problem_of
from worker.gateway.watching import record_of, ticks_of
from workflows.errors import SerinusError
from workflows.model.identity import Slot
from workflows.model.status import Verb


class HistoryPages:
    """`/targets/{cluster}/{namespace}/{name}` and what is under it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request) -> Response:
        person = await self._desk.person(request)
        return await self._drawn(request, slot_of(request, person))

    async def undo(self, request: Request) -> Response:
        """Release the revision promoted before the present one, once that is confirmed."""
        person = await self._desk.person(request)
        slot = slot_of(request, person)
        speaking.allow(person, Verb.SUBMIT, slot)
        fields = await form_of(self._desk, request)
        if not fields.get("confirmed"):
            return await self._desk.page(
                request, person, "confirm_undo.html", slot=slot, fields=fields
            )
        reason, client = fields.get("reason", ""), self._desk.context.client
        try:
            await rollouts.release_previous(client, slot, person.name, reason)
        except SerinusError as error:
            problem = problem_of(error)
            if problem.status == 503:
                raise problem from error
            return await self._drawn(request, slot, problem)
        self._desk.watcher.rollout(slot).forget()
        return RedirectResponse(f"/rollouts/{path_of(slot)}", 303)

    async def compare(self, request: Request) -> Response:
        """Two runs side by side."""
        person = await self._desk.person(request)
        slot = slot_of(request, person)
        chosen = request.query_params.getlist("run")
        if len(chosen) != 2 or any(len(run) > RUN_ID for run in chosen):
            raise Problem(400, detail="choose two rollouts to compare")
        one, other = await asyncio.gather(*(self._compared(slot, run) for run in chosen))
        if one.status.started_at > other.status.started_at:
            one, other = other, one
        return await self._desk.page(
            request,
            person,
            "compare.html",
            slot=slot,
            one=one,
            other=other,
            steps=one.rows_beside(other),
            checks=one.checks_beside(other),
            difference=await difference(
                self._desk.context.settings, slot, one.status.revision, other.status.revision
            ),
        )

    async def _drawn(
        self, request: Request, slot: Slot, refusal: Problem | None = None
    ) -> Response:
        person = await self._desk.person(request)
        runs = await runs_of(self._desk.context, slot)
        if not runs:
            raise problems.not_found(f"no rollout of {slot.key} is known")
        running = any(run.state == "running" for run in runs)
        return await self._desk.page(
            request,
            person,
            "history.html",
            status=refusal.status if refusal else 200,
            slot=slot,
            runs=runs,
            refusal=refusal,
            may_undo=person.may(Verb.SUBMIT, slot) and not running,
            running=running,
        )

    async def _compared(self, slot: Slot, run: str) -> Compared:
        client = self._desk.context.client
        try:
            status = await rollouts.status(client, slot, run_id=run)
        except SerinusError as error:
            raise problem_of(error) from error
        record = await record_of(client, slot, run)
        return Compared(status, ticks_of(status, record))
