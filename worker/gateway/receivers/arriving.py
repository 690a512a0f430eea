"""A delivery that has come in: read by its sender's rules, and turned into orders. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from worker.gateway.receivers.cloudevents import is_binary, read_cloud_event
from worker.gateway.receivers.event import Event, Unreadable, digest, read_flux
from worker.gateway.receivers.matching import Wanted
from worker.gateway.receivers.plain import read_plain
from workflows.model.delivery import DeliveryInput
from workflows.model.trigger import Proof, Sender, Trigger, TriggerAction

NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery as it came; header names in lower case. `at` is seconds since 1970."""

    sender: Sender
    headers: Mapping[str, str]
    body: bytes
    at: float


def trusted(vouched: Sequence[Trigger], arrived: Arrived) -> Sequence[Trigger]:
    """The triggers that may act on all of what was sent: an HMAC does not cover headers."""
    if arrived.sender is not Sender.CLOUD_EVENTS or not is_binary(arrived.headers):
        return vouched
    by_token = [each for each in vouched if each.spec.receiver.proof is Proof.BEARER]
    if not by_token:
        raise Unreadable(
            "in binary mode the attributes stand in headers, which the signature does not cover;"
            " send application/cloudevents+json, or let the trigger ask for proof: bearer",
            status=415,
        )
    return by_token


def read(arrived: Arrived) -> Event:
    """What it says; Unreadable if it can never be understood."""
    match arrived.sender:
        case Sender.FLUX:
            return read_flux(arrived.body)
        case Sender.CLOUD_EVENTS:
            return read_cloud_event(arrived.headers, arrived.body)
        case Sender.PLAIN:
            return read_plain(arrived.body)


def orders_of(event: Event, found: Sequence[Wanted], now: float) -> Sequence[DeliveryInput]:
    """One order for each target; Unreadable if it could not be told from its own repetition.

    To look twice is harmless, to abort twice is not.
    """
    for each in found:
        if each.action is not TriggerAction.SUBMIT and (event.at is None or not event.identity):
            message = f"timestamp: is required, because {each.by} would {each.action} by this event"
            raise Unreadable(message)
    identity = event.identity or uuid4().hex
    return [
        DeliveryInput(
            slot=each.slot,
            id=digest(each.action.encode(), identity.encode()),
            action=each.action,
            at=now if event.at is None else event.at,
            by=each.by[:NAME_LIMIT],
            reason=event.summary,
        )
        for each in found
    ]
