"""`POST /hooks/slack`: people approve and reject at the buttons of an alert.

Slack waits three seconds and shows nothing of the answer, so it is answered at once; the rollout
is told after that, and what came of it is posted to the one who pressed.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
import structlog
import yaml
from pydantic import TypeAdapter, ValidationError
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from worker import rollouts
from worker.gateway import problems, speaking
from worker.gateway.context import GatewayContext
from worker.gateway.identity import Person
from worker.gateway.problems import Problem
from worker.gateway.receivers.event import Unreadable
from worker.gateway.receivers.receiving import read_body
from worker.gateway.receivers.slack_press import Press, is_from_slack, read_press, said
from worker.gateway.settings import SlackSettings
from workflows.errors import SerinusError
from workflows.model.approval import Via
from workflows.model.decisions import Decision
from workflows.model.status import RolloutStatus
from workflows.model.value import Value

BODY_LIMIT = 512 * 1024
POST_WITHIN = 10.0
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class SlackPerson(Value):
    """Who a Slack user is here."""

    name: str
    groups: tuple[str, ...] = ()


_PEOPLE = TypeAdapter(dict[str, SlackPerson])


class SlackButtons:
    """The endpoint of one gateway."""

    def __init__(self, context: GatewayContext, settings: SlackSettings) -> None:
        self._context = context
        self._settings = settings

    async def receive(self, request: Request) -> Response:
        """Answer Slack; act after that."""
        body = await read_body(request, BODY_LIMIT)
        headers = {key.lower(): value for key, value in request.headers.items()}
        secret = await asyncio.to_thread(_secret, self._settings.signing_secret_file)
        if not is_from_slack(secret, headers, body, self._context.now()):
            _log.warning("slack.not_proven")
            raise problems.unauthenticated("not signed by Slack, or too long ago")
        try:
            press = read_press(body)
        except Unreadable as error:
            raise Problem(error.status, detail=str(error)) from error
        return Response(background=None if press is None else BackgroundTask(self._act, press))

    async def _act(self, press: Press) -> None:
        """Tell the rollout, and the one who pressed what came of it."""
        try:
            words = await self._told(press)
        except SerinusError as error:
            words = f"Nothing was changed: {_detail(error)}"
        _log.info("slack.pressed", user=press.user, slot=press.gate.slot.key, words=words)
        if not press.response_url:
            return
        try:
            async with httpx.AsyncClient(timeout=POST_WITHIN) as http:
                (await http.post(press.response_url, json=said(words))).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _log.warning("slack.not_answered", slot=press.gate.slot.key, why=type(error).__name__)

    async def _told(self, press: Press) -> str:
        slot, gate = press.gate.slot, press.gate
        person = await self._person(press.user)
        speaking.allow(person, press.verb, slot)
        await self._same_rollout(press)
        decision = Decision(step=gate.step)
        status = await speaking.tell(self._context, person, slot, press.verb, decision)
        return f"{press.verb} of {gate.step} in {slot.key} by {person.name}: {_now(status)}"

    async def _person(self, user: str) -> Person:
        people = await asyncio.to_thread(_people, self._settings.people_file)
        if user not in people:
            raise problems.forbidden(f"nobody here is known as the Slack user {user}")
        known = people[user]
        return self._context.access.known(known.name, known.groups, Via.SLACK)

    async def _same_rollout(self, press: Press) -> None:
        """A button of an earlier rollout must not open a gate of this one, which has its name."""
        slot, run_id = press.gate.slot, press.gate.run
        try:
            now = await rollouts.status(self._context.client, slot)
            if not run_id or now.run_id == run_id:
                return
            then = await rollouts.status(self._context.client, slot, run_id=run_id)
        except SerinusError as error:
            raise speaking.problem_of(error) from error
        if then.started_at != now.started_at:
            raise problems.conflict("this button belongs to an earlier rollout")


def _secret(file: Path) -> bytes:
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise problems.unavailable("the signing secret of Slack cannot be read") from error
    if not secret:
        raise problems.unavailable("the signing secret of Slack is empty")
    return secret


def _people(file: Path) -> Mapping[str, SlackPerson]:
    try:
        return _PEOPLE.validate_python(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, ValidationError) as error:
        _log.error("slack.people_unreadable", file=str(file), why=str(error))
        raise problems.unavailable("the file of Slack's users cannot be read") from error


def _detail(error: SerinusError) -> str:
    return (error.detail or error.title) if isinstance(error, Problem) else str(error)


def _now(status: RolloutStatus) -> str:
    if status.waiting is not None:
        return f"{status.waiting.step} still waits"
    return f"now {status.phase}"
