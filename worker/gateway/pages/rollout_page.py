"""One rollout: where it is, what was seen, who said what, and what may be said now."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from worker import rollouts
from worker.gateway import problems
from worker.gateway.api.step_tokens import step_token
from worker.gateway.identity import Person
from worker.gateway.pages import story
from worker.gateway.pages.curves import curves, hook_rows, queries
from worker.gateway.pages.desk import Desk, slot_of
from worker.gateway.pages.differences import difference
from worker.gateway.pages.lines import serinus_lines, temporal_page
from worker.gateway.pages.moves import DONE, gate, moves
from worker.gateway.pages.shares import shares
from worker.gateway.problems import Problem
from worker.gateway.speaking import problem_of
from worker.gateway.watching import Sight, record_of, ticks_of
from workflows.details import command_lines
from workflows.errors import SerinusError
from workflows.model.identity import Slot
from workflows.model.requests import Outcome
from workflows.model.status import RolloutStatus, Verb

GOOD = frozenset({Outcome.PROMOTED, Outcome.INITIALISED, Outcome.UNCHANGED})
RUN_ID = 100


@dataclass(frozen=True)
class Refusal:
    """What was just refused, for the person who tried."""

    status: int
    words: str


class RolloutPage:
    """`GET /rollouts/{cluster}/{namespace}/{name}`, also of a run before by `?run=`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request) -> Response:
        person = await self._desk.person(request)
        slot = slot_of(request, person)
        run = request.query_params.get("run", "")[:RUN_ID]
        sight = await (self._of_run(slot, run) if run else self._desk.watcher.rollout(slot).now())
        return await self.drawn(request, person, slot, sight, past=bool(run))

    async def drawn(  # noqa: PLR0913  what the page is made of
        self,
        request: Request,
        person: Person,
        slot: Slot,
        sight: Sight,
        *,
        past: bool = False,
        refusal: Refusal | None = None,
    ) -> Response:
        """The whole page; with what was refused, if anything was."""
        status = sight.status
        if status is None:
            raise _nothing(slot, sight)
        context = self._desk.context
        form_token = await context.access.form_token(request)
        done = request.query_params.get("done", "")
        return await self._desk.page(
            request,
            person,
            "rollout.html",
            status=refusal.status if refusal else 200,
            rollout=status,
            parts=self.parts(sight)
            | {"part-moves": self.moves(sight, person, form_token, past=past)},
            difference=await difference(
                context.settings, slot, status.promoted_revision, status.revision
            ),
            live="" if past else f"{request.url.path}/live",
            refusal=refusal,
            done=DONE.get(Verb(done), "") if done in set(Verb) else "",
            past=past,
        )

    def parts(self, sight: Sight) -> dict[str, str]:
        """The pieces that change while one looks and are the same for everybody."""
        return self.of_moment(sight) | self.of_status(sight)

    def of_moment(self, sight: Sight) -> dict[str, str]:
        """Those that change with every look and with the clock."""
        status, draw = sight.status, self._desk.part
        parts = {"part-away": draw("parts/away.html", trouble=sight.trouble)}
        if status is None:
            return parts
        now = status.ended_at or self._desk.context.now()
        rule = story.guard_rule(sight.record)
        return parts | {
            "part-traffic": draw("parts/traffic.html", rollout=status, shares=shares(status, now)),
            "part-guard": draw("parts/guard.html", rollout=status, guard=sight.guard, rule=rule),
        }

    def of_status(self, sight: Sight) -> dict[str, str]:
        """Those that change when the rollout has something new to say."""
        status, draw = sight.status, self._desk.part
        if status is None:
            return {}
        good, told = status.outcome in GOOD, story.decisions(sight.record)
        return {
            "part-head": draw("parts/head.html", rollout=status, good=good, lost=sight.lost),
            "part-steps": draw("parts/steps.html", rollout=status),
            "part-checks": self._checks(status, sight),
            "part-story": draw("parts/story.html", rollout=status, decisions=told),
            "part-lines": self._lines(status),
        }

    def _checks(self, status: RolloutStatus, sight: Sight) -> str:
        return self._desk.part(
            "parts/checks.html",
            rollout=status,
            curves=curves(sight.ticks),
            hooks=hook_rows(sight.ticks),
            queries=queries(sight.record),
            guard=sight.guard,
        )

    def _lines(self, status: RolloutStatus) -> str:
        return self._desk.part(
            "parts/lines.html",
            serinus=serinus_lines(status),
            temporal=command_lines(status),
            ui=temporal_page(self._desk.context, status),
        )

    def moves(self, sight: Sight, person: Person, form_token: str, *, past: bool = False) -> str:
        """What this person may say now."""
        status = sight.status
        if status is None:
            return ""
        over = past or bool(sight.lost)
        return self._desk.part(
            "parts/moves.html",
            rollout=status,
            gate=None if over else gate(status, person),
            moves=() if over else moves(status, person),
            token=step_token(status),
            form_token=form_token,
        )

    async def _of_run(self, slot: Slot, run: str) -> Sight:
        """A run that is over, or at least not the newest."""
        client = self._desk.context.client
        try:
            status = await rollouts.status(client, slot, run_id=run)
        except SerinusError as error:
            raise problem_of(error) from error
        record = await record_of(client, slot, run)
        return Sight(status=status, record=record, ticks=ticks_of(status, record))


def _nothing(slot: Slot, sight: Sight) -> Problem:
    if sight.trouble:
        return problems.unavailable(sight.trouble)
    return problems.not_found(f"no rollout of {slot.key} is known")


def said(before: RolloutStatus | None, after: RolloutStatus) -> str:
    """What to tell those who hear the page: the one thing that has changed."""
    if before is None:
        return ""
    if after.outcome != before.outcome and after.outcome is not None:
        return f"{after.slot.key}: {after.outcome}"
    if after.waiting is not None and before.waiting is None:
        return f"{after.slot.key} waits for approval: {after.waiting.step}"
    if after.position != before.position and after.position < len(after.steps):
        step = after.steps[after.position]
        return f"{after.slot.key} is at {step.name}, canary {after.routes.canary} percent"
    return ""
