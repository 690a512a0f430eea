"""Applying manifests on the local platform: keep them, and trigger what they change.

Used by `serinus apply`, `serinus delete` and the demo. What a trigger then does is decided by the
rollout's plan; a target that is already at its revision is left alone.
"""

import asyncio
from collections.abc import Iterable, Sequence
from hashlib import sha256

from temporalio.client import Client

from activities.local.home import Home
from activities.local.manifests import ManifestFolder
from activities.manifests import dump
from worker import rollouts
from workflows.errors import ManifestError, SerinusError
from workflows.model.canary import Canary
from workflows.model.decisions import Submit
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest
from workflows.model.problem import Problem
from workflows.model.process import Process, revision
from workflows.model.requests import Action
from workflows.model.status import RolloutStatus
from workflows.model.value import Record

TRIGGER_LENGTH = 16


class NotApplied(SerinusError):  # noqa: N818  the name says what is wrong
    """A manifest cannot be kept or removed now."""


class Change(Record):
    """One manifest, and whether keeping it changed anything."""

    kind: str
    key: str
    changed: bool


class Trigger(Record):
    """A slot that has to look at its target; `id` is the same for the same change."""

    slot: Slot
    id: str
    action: Action = Action.RELEASE
    revision: str = ""
    """What the target holds now, so that a policy can refuse it at the door."""


class Applied(Record):
    """What an apply changed, and what has to be triggered for it."""

    changes: tuple[Change, ...]
    triggers: tuple[Trigger, ...]


class Applier:
    """Keeps manifests in one home."""

    def __init__(self, home: Home) -> None:
        self._folder = ManifestFolder(home)

    def apply(self, manifests: Sequence[Manifest], *, again: bool = False) -> Applied:
        """Keep manifests; with `again`, trigger even what did not change. Blocking.

        ManifestError, and nothing is kept, if two Canaries would route the users of one service.
        """
        self._refuse_shared_services(manifests)
        before = {slot: self._related(slot) for slot in self._slots_of(manifests)}
        changes: list[Change] = []
        touched: list[Manifest] = []
        for manifest in manifests:
            changed = self._folder.apply(manifest)
            changes.append(Change(kind=manifest.kind, key=manifest.key, changed=changed))
            if changed or again:
                touched.append(manifest)
        slots = self._slots_of(touched)
        triggers = tuple(
            Trigger(
                slot=slot,
                id=_digest(before.get(slot, ()), self._related(slot)),
                revision=revision(process.spec.template),
            )
            for slot in slots
            if (process := self._target_of(slot)[1]) is not None
        )
        return Applied(changes=tuple(changes), triggers=triggers)

    def delete(self, kind: type[Manifest], namespace: str, name: str) -> Trigger | None:
        """Forget a manifest. One that is released goes at the end of the trigger's rollout."""
        manifest = self._folder.get(kind, namespace, name)
        if manifest is None:
            raise NotApplied(f"there is no {kind.__name__} {namespace}/{name}")
        if not isinstance(manifest, (Canary, Process)):
            self._folder.delete(kind, namespace, name)
            return None
        canaries = self._canaries_of(manifest) if isinstance(manifest, Process) else ()
        if canaries:
            names = ", ".join(canary.key for canary in canaries)
            raise NotApplied(f"the Canary {names} releases this Process; delete the Canary first")
        slot = Slot(namespace=namespace, name=name)
        return Trigger(slot=slot, id=_digest((dump(manifest),), ()), action=Action.REVERT)

    def _refuse_shared_services(self, manifests: Sequence[Manifest]) -> None:
        applied = [manifest for manifest in manifests if isinstance(manifest, Canary)]
        owners: dict[tuple[str, str], Canary] = {}
        for namespace in {canary.metadata.namespace for canary in applied}:
            for canary in self._folder.list(Canary, namespace):
                if canary.key not in {each.key for each in applied}:
                    owners[_service_of(canary)] = canary
        problems: list[Problem] = []
        for canary in applied:
            other = owners.setdefault(_service_of(canary), canary)
            if other.key != canary.key:
                problems.append(_shared(canary, other))
        if problems:
            raise ManifestError(problems)

    def _slots_of(self, manifests: Iterable[Manifest]) -> tuple[Slot, ...]:
        """The slots whose rollouts these manifests are about, each once."""
        slots: dict[Slot, None] = {}
        for manifest in manifests:
            place = manifest.metadata
            if isinstance(manifest, Process):
                canaries = self._canaries_of(manifest)
                names = [canary.metadata.name for canary in canaries] or [place.name]
            else:
                names = [place.name] if isinstance(manifest, Canary) else []
            slots.update({Slot(namespace=place.namespace, name=name): None for name in names})
        return tuple(slots)

    def _canaries_of(self, process: Process) -> tuple[Canary, ...]:
        return tuple(
            canary
            for canary in self._folder.list(Canary, process.metadata.namespace)
            if canary.spec.target_ref.is_process
            and canary.spec.target_ref.name == process.metadata.name
        )

    def _target_of(self, slot: Slot) -> tuple[Canary | None, Process | None]:
        canary = self._folder.get(Canary, slot.namespace, slot.name)
        name = canary.spec.target_ref.name if canary else slot.name
        return canary, self._folder.get(Process, slot.namespace, name)

    def _related(self, slot: Slot) -> tuple[str, ...]:
        return tuple(dump(manifest) for manifest in self._target_of(slot) if manifest is not None)


def _service_of(canary: Canary) -> tuple[str, str]:
    return canary.metadata.namespace, canary.spec.service_name


def _shared(canary: Canary, other: Canary) -> Problem:
    return Problem(
        path="spec.service.name",
        value=canary.spec.service_name,
        message=f"is the service of Canary {other.key} already; each needs one of its own",
        where=f"Canary {canary.key}",
    )


def _digest(before: Iterable[str], after: Iterable[str]) -> str:
    """The same for the same change, so that a repeated trigger counts once in a run.

    What was there before is part of it: going back to a manifest of some minutes ago is news.
    """
    text = "\0".join((*before, "", *after))
    return sha256(text.encode()).hexdigest()[:TRIGGER_LENGTH]


async def send(client: Client, triggers: Sequence[Trigger], by: str) -> tuple[RolloutStatus, ...]:
    """Start or tell the rollout of each slot."""
    sent = (
        rollouts.submit(
            client,
            each.slot,
            Submit(by=by, action=each.action, revision=each.revision),
            each.id,
        )
        for each in triggers
    )
    return tuple(await asyncio.gather(*sent))
