"""Giving an order from a form: checked against what the person has looked at, confirmed, given."""

from collections.abc import Mapping

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from worker import rollouts
from worker.gateway import problems, speaking
from worker.gateway.api.step_tokens import step_token
from worker.gateway.identity import Person
from worker.gateway.pages.desk import Desk, slot_of
from worker.gateway.pages.moves import DANGEROUS, MEANS, TITLES
from worker.gateway.pages.rollout_page import Refusal, RolloutPage
from worker.gateway.problems import Problem
from worker.gateway.speaking import problem_of
from workflows.errors import SerinusError
from workflows.model.decisions import Decision, Order, SkipUndo, Submit
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus, Verb

BOUND_TO_STEP = frozenset({Verb.APPROVE, Verb.REJECT, Verb.PROMOTE})
"""Orders that mean the step one has looked at; the others mean the run."""
ALSO_OVER = frozenset({401, 404, 503})
"""Problems that are pages of their own."""
Fields = Mapping[str, str]


class OrderPages:
    """`POST /rollouts/{cluster}/{namespace}/{name}/orders/{verb}`."""

    def __init__(self, desk: Desk, rollout: RolloutPage) -> None:
        self._desk = desk
        self._rollout = rollout

    async def give(self, request: Request) -> Response:
        person = await self._desk.person(request)
        slot = slot_of(request, person)
        verb = _verb(request.path_params["verb"])
        fields = await form_of(self._desk, request)
        speaking.allow(person, verb, slot)
        shared = self._desk.watcher.rollout(slot)
        shared.forget()
        status = (await shared.now()).status
        try:
            if status is None:
                raise problems.not_found(f"no rollout of {slot.key} is known")
            if stale := moved_on(status, verb, fields):
                raise problems.conflict(stale)
            if verb in DANGEROUS and not fields.get("confirmed"):
                return await self._confirm(request, person, status, verb, fields)
            await self._tell(person, status, verb, fields)
        except Problem as problem:
            if problem.status in ALSO_OVER:
                raise
            return await self._refused(request, person, slot, problem)
        shared.forget()
        return RedirectResponse(f"/rollouts/{path_of(slot)}?done={verb}", 303)

    async def _tell(
        self, person: Person, status: RolloutStatus, verb: Verb, fields: Fields
    ) -> None:
        context, slot, run_id = self._desk.context, status.slot, status.run_id
        if verb is Verb.SUBMIT:
            try:
                submit = Submit(by=person.name, reason=fields.get("reason", ""))
                await rollouts.tell(context.client, slot, verb, submit, run_id=run_id)
            except SerinusError as error:
                raise problem_of(error) from error
            return
        order = order_of(verb, fields, context.now())
        await speaking.tell(context, person, slot, verb, order, run_id=run_id)

    async def _confirm(
        self, request: Request, person: Person, status: RolloutStatus, verb: Verb, fields: Fields
    ) -> Response:
        return await self._desk.page(
            request,
            person,
            "confirm.html",
            rollout=status,
            verb=verb,
            title=TITLES[verb],
            means=MEANS[verb],
            fields=fields,
        )

    async def _refused(
        self, request: Request, person: Person, slot: Slot, problem: Problem
    ) -> Response:
        """The page as it is now, with why nothing has changed."""
        shared = self._desk.watcher.rollout(slot)
        words = problem.detail or problem.title
        refusal = Refusal(problem.status, f"{words[:1].upper()}{words[1:]}")
        return await self._rollout.drawn(request, person, slot, await shared.now(), refusal=refusal)


async def form_of(desk: Desk, request: Request) -> dict[str, str]:
    """The fields of a form that was made for this person."""
    async with request.form(max_files=0, max_fields=20) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
    await desk.context.access.check_form(request, fields)
    return fields


def moved_on(status: RolloutStatus, verb: Verb, fields: Fields) -> str:
    """Why the order does not fit what the rollout is at now, if it does not."""
    if fields.get("run", "") != status.run_id:
        return (
            "this is another rollout than the one you looked at; nothing was changed. Look at it"
            " as it is now, and decide again"
        )
    if verb in BOUND_TO_STEP and fields.get("token", "") != step_token(status):
        at = status.waiting.step if status.waiting else str(status.phase)
        return (
            f"the rollout has moved on since you looked; it is at {at} now, and nothing was"
            " changed. Look at it as it is now, and decide again"
        )
    if verb not in status.allowed:
        return f"{verb} makes no sense now; nothing was changed"
    return ""


def order_of(verb: Verb, fields: Fields, now: float) -> Decision | Order | SkipUndo:
    """What the form says; `Problem` 422 for what it cannot mean."""
    reason = fields.get("reason", "")
    try:
        match verb:
            case Verb.APPROVE | Verb.REJECT:
                return Decision(
                    comment=reason,
                    step=fields.get("step", ""),
                    max_weight=_whole(fields.get("max_weight", "")),
                    not_before=_later(fields.get("minutes", ""), now),
                )
            case Verb.SKIP:
                return SkipUndo(undo=fields.get("undo", ""), reason=reason)
            case _:
                return Order(reason=reason)
    except ValidationError as error:
        words = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
        raise Problem(422, detail=words) from error
    except ValueError as error:
        raise Problem(422, detail=str(error)) from error


def path_of(slot: Slot) -> str:
    return f"{slot.cluster}/{slot.namespace}/{slot.name}"


def _whole(text: str) -> int | None:
    if not text.strip():
        return None
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise ValueError(f"{text!r} is no whole number of percent; nothing was changed")
    return int(text)


def _later(text: str, now: float) -> float | None:
    minutes = _whole(text)
    return now + 60.0 * minutes if minutes else None


def _verb(text: str) -> Verb:
    try:
        return Verb(text)
    except ValueError as error:
        raise problems.not_found(f"there is no order {text!r}") from error
