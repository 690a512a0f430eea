"""Routers that keep all routes in one object named after the apex service.

Traefik, SMI, Contour, Kuma: each gives its spec and how to read it; the rest is the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from activities.kube.objects import KubeObject, Ref, ref_of
from activities.routing.before import given_back, remembering
from activities.routing.parts import (
    JsonMap,
    apex_texts,
    is_ours,
    metadata,
    object_of,
    refuse_mirror,
)
from activities.routing.router import Live, Rollout, Wanted
from workflows.model.plan import Routes

Texts = tuple[dict[str, str], dict[str, str]]


def nothing_to_wait_for(_live: KubeObject) -> str | None:
    """The data plane does not say what it has taken."""
    return None


@dataclass(frozen=True, slots=True)
class ApexObjectRouter:
    """Routes in one object; one that existed before gets its spec back at the end."""

    api_version: str
    kind: str
    spec: Callable[[Rollout, Routes], JsonMap]
    read: Callable[[Rollout, KubeObject], Routes | None]
    texts: Callable[[Rollout], Texts] = apex_texts
    waits: Callable[[KubeObject], str | None] = nothing_to_wait_for

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        return (self._ref(rollout),)

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        refuse_mirror(rollout, routes, self.kind)
        ref = self._ref(rollout)
        labels, annotations = self.texts(rollout)
        meta = metadata(ref, labels=labels, annotations=annotations)
        return claimed(rollout, object_of(ref, meta, self.spec(rollout, routes)), live.get(ref))

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        ref = self._ref(rollout)
        return self.read(rollout, live[ref]) if ref in live else None

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        ref = self._ref(rollout)
        return self.waits(live[ref]) if ref in live else f"{ref} does not exist"

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        return undone(rollout, self.reads(rollout), live)

    def _ref(self, rollout: Rollout) -> Ref:
        return Ref(self.api_version, self.kind, rollout.apex, rollout.namespace)


def claimed(rollout: Rollout, wanted: JsonMap, live: KubeObject | None) -> Wanted:
    """An object of ours, or one of somebody else that remembers what it was."""
    if live is None or is_ours(rollout, live):
        return Wanted(objects=(wanted,))
    return Wanted(objects=(remembering(wanted, live),), owned=False)


def all_claimed(rollout: Rollout, wanted: Sequence[JsonMap], live: Live) -> Wanted:
    """Several objects at once; nobody else's gets an owner."""
    each = [claimed(rollout, one, live.get(ref_of(one))) for one in wanted]
    return Wanted(
        objects=tuple(made for one in each for made in one.objects),
        owned=all(one.owned for one in each),
    )


def undone(rollout: Rollout, refs: tuple[Ref, ...], live: Live) -> Wanted:
    """What Serinus made goes; what was there before is as it was."""
    back = {ref: given_back(live[ref]) for ref in refs if ref in live}
    ours = (ref for ref in back if is_ours(rollout, live[ref]))
    objects = tuple(each for each in back.values() if each is not None)
    return Wanted(objects=objects, absent=tuple(ours), owned=not objects)
