"""Receivers of alerts in memory: they keep what they got, refuse, or hold on, as they are told."""

import asyncio
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.exceptions import ApplicationError

from workflows.contracts import Alerting, Hooking
from workflows.model.announcement import LookAtRun, RunSeen, SendAlert, SendEvent


@dataclass
class Receivers(Alerting):
    """`failing` maps the name of a route or hook to what it answers; `holding` never answers."""

    got: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    attempts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    failing: dict[str, ApplicationError] = field(default_factory=dict[str, ApplicationError])
    holding: set[str] = field(default_factory=set[str])
    came: asyncio.Event = field(default_factory=asyncio.Event)
    seen: RunSeen = field(default_factory=lambda: RunSeen(running=True))
    looks: list[LookAtRun] = field(default_factory=list[LookAtRun])
    sent: list[SendAlert] = field(default_factory=list[SendAlert])

    def states(self, route: str) -> list[str]:
        """What a receiver was told, in its order."""
        return [state for name, state in self.got if name == route]

    @activity.defn(name="alerts.send")
    async def send(self, request: SendAlert) -> None:
        alert = request.alert
        said = f"{alert.state}{' over' if alert.resolved else ''}"
        await self.take(request.route.name, said)
        self.sent.append(request)

    @activity.defn(name="alerts.look")
    async def look(self, request: LookAtRun) -> RunSeen:
        self.looks.append(request)
        return self.seen

    async def take(self, name: str, what: str) -> None:
        self.attempts.append((name, what))
        self.came.set()
        while name in self.holding:  # noqa: ASYNC110  the test lets go
            await asyncio.sleep(0.02)
        if name in self.failing:
            raise self.failing[name]
        self.got.append((name, what))


class EventReceivers(Hooking):
    """The event hooks of the same receivers."""

    def __init__(self, receivers: Receivers) -> None:
        self.receivers = receivers
        self.events: list[SendEvent] = []

    @activity.defn(name="hooks.event")
    async def event(self, request: SendEvent) -> None:
        await self.receivers.take(request.hook.name, request.event.message)
        self.events.append(request)
