"""Which triggers an event concerns, and which targets each of them means. Pure.

Called by `worker.gateway.receivers.receiving`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from worker.gateway.receivers.event import Event
from workflows.model.identity import Slot
from workflows.model.trigger import EventMatch, FromObject, Globs, Trigger, TriggerAction

OWNERS = {
    "Kustomization": "kustomize.toolkit.fluxcd.io",
    "HelmRelease": "helm.toolkit.fluxcd.io",
}
"""Whose labels `<group>/name` and `<group>/namespace` Flux puts on all that they apply."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that rollouts release."""

    slot: Slot
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one trigger wants of one target."""

    slot: Slot
    action: TriggerAction
    by: str


def wanted(triggers: Iterable[Trigger], event: Event, targets: Iterable[Target]) -> list[Wanted]:
    """The orders of an event; an action that two triggers want of one target stands once."""
    known = tuple(targets)
    found: dict[tuple[Slot, TriggerAction], Wanted] = {}
    for trigger in triggers:
        if concerns(trigger, event):
            for slot in meant(trigger, event, known):
                order = Wanted(slot, trigger.spec.action, trigger.by)
                found.setdefault((slot, order.action), order)
    return list(found.values())


def concerns(trigger: Trigger, event: Event) -> bool:
    """Whether an event is one of those that a trigger waits for."""
    spec = trigger.spec
    return not spec.suspend and (not spec.match or any(_has(each, event) for each in spec.match))


def meant(trigger: Trigger, event: Event, targets: Iterable[Target]) -> Iterator[Slot]:
    """The targets of the trigger's own namespace that it means."""
    for target in targets:
        own = target.slot.namespace == trigger.metadata.namespace
        if own and _is_meant(trigger, event, target):
            yield target.slot


def _is_meant(trigger: Trigger, event: Event, target: Target) -> bool:
    wants = trigger.spec.targets
    return (
        target.slot.name in wants.names
        or (wants.selector is not None and wants.selector.selects(dict(target.labels)))
        or (wants.from_object is FromObject.SAME and _is_same(event, target.slot))
        or (wants.from_object is FromObject.OWNED and _owns(event, target))
    )


def _is_same(event: Event, slot: Slot) -> bool:
    return (event.namespace, event.name) == (slot.namespace, slot.name)


def _owns(event: Event, target: Target) -> bool:
    group = OWNERS.get(event.kind)
    if group is None:
        return False
    owner = (target.labels.get(f"{group}/namespace"), target.labels.get(f"{group}/name"))
    return owner == (event.namespace, event.name)


def _has(match: EventMatch, event: Event) -> bool:
    fields = (
        (match.kind, event.kind),
        (match.namespace, event.namespace),
        (match.name, event.name),
        (match.severity, event.severity),
        (match.reason, event.reason),
        (match.cluster, event.cluster),
    )
    return all(_fits(globs, value) for globs, value in fields) and all(
        name in event.metadata and fnmatchcase(event.metadata[name], glob)
        for name, glob in match.metadata.items()
    )


def _fits(globs: Globs, value: str) -> bool:
    return not globs or any(fnmatchcase(value, glob) for glob in globs)
