"""Looking at the Canaries of a cluster before they are taken over. Reads only."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from temporalio.exceptions import ApplicationError

from activities.kube.api import Change, KubeApi, Seen
from activities.kube.fenced import Owner
from activities.kube.left import HANDED_BACK, is_handed_back
from activities.kube.objects import KubeObject, Ref, at, int_at, map_at, text_at, texts_at
from activities.kube.state import KubeState
from activities.kube.store import KubeStore
from activities.workload.kube import parts_of
from activities.workload.needs import Known, Work, WorkloadSettings
from activities.workload.recognising import Recognised, recognised
from worker.controller.catalogue import Catalogue
from worker.controller.deciding import Decision, Facts, Terms, decide
from worker.controller.sources import CANARY, MANIFESTS
from worker.takeover.fate import Sight
from workflows.errors import Reason, reason_of
from workflows.model.canary import Canary
from workflows.model.identity import Fence, Slot
from workflows.model.manifest import parse
from workflows.model.revision import target_revision

FLAGGERS = ("app.kubernetes.io/name=flagger", "app=flagger")
"""How Flagger's own Deployment is labelled, by its chart and by its kustomization."""


@dataclass(frozen=True, slots=True)
class Found:
    """One Canary: what is seen of it, and what a controller would do about it."""

    sight: Sight
    slot: Slot
    canary: KubeObject
    decision: Decision
    revision: str
    """What its target holds."""


class Looker:
    """One look at one cluster."""

    def __init__(
        self, api: KubeApi, cluster: str, settings: WorkloadSettings, terms: Terms
    ) -> None:
        self._api = api
        self._store = KubeStore(api, cluster)
        self._parts = parts_of(api, settings)
        self._catalogue = Catalogue(cluster, config_tracking=settings.config_tracking)
        self._terms = terms

    async def look(self, namespaces: Sequence[str], names: Sequence[str]) -> AsyncGenerator[Found]:
        """All Canaries of the namespaces (of all, if none is given), or those of the names."""
        for api_version, kind in MANIFESTS:
            for namespace in namespaces or (None,):
                for obj in await self._listed(api_version, kind, namespace):
                    self._catalogue.see(Seen(Change.ADDED, _unmarked(obj)))
        for slot in sorted(self._catalogue.slots, key=lambda slot: slot.key):
            if not names or slot.name in names:
                yield await self._found(slot)

    async def flagger(self) -> str:
        """Where Flagger itself still runs; empty if it does not, or nobody may say so."""
        for labels in FLAGGERS:
            try:
                listed = await self._api.list("apps/v1", "Deployment", labels=labels)
            except ApplicationError as error:
                if reason_of(error) is not Reason.CLUSTER_FORBIDDEN:
                    raise
                continue
            for each in listed.items:
                if int_at(each, "spec", "replicas") != 0:
                    metadata = map_at(each, "metadata")
                    return f"{metadata.get('namespace')}/{metadata.get('name')}"
        return ""

    async def _listed(
        self, api_version: str, kind: str, namespace: str | None
    ) -> Sequence[KubeObject]:
        try:
            return (await self._api.list(api_version, kind, namespace)).items
        except ApplicationError as error:
            if reason_of(error) is not Reason.KIND_NOT_INSTALLED or kind == CANARY[1]:
                raise
            return ()

    async def _found(self, slot: Slot) -> Found:
        facts = await self._facts(slot)
        decision = decide(facts, self._terms)
        state = await self._store.read(slot)
        canary = await self._api.read(Ref(*CANARY, slot.name, slot.namespace)) or facts.canary
        primary = None if decision.refusal else await self._primary(facts)
        sight = _sight(facts, decision, state, primary)
        revision = target_revision(facts.target, facts.configs) if facts.target else ""
        return Found(sight, slot, canary, decision, revision)

    async def _facts(self, slot: Slot) -> Facts:
        """Whatever its target and the configs of that hold now."""
        for _ in range(2):
            for api_version, kind, namespace in self._catalogue.wants_of(slot):
                await self._take_in(api_version, kind, namespace, slot)
        facts = self._catalogue.facts(slot)
        if facts is None:
            raise AssertionError(slot)
        return facts

    async def _take_in(self, api_version: str, kind: str, namespace: str, slot: Slot) -> None:
        """The target by its name; of configs all of the namespace, as a controller watches them."""
        if kind in ("ConfigMap", "Secret"):
            found = (await self._api.list(api_version, kind, namespace)).items
        else:
            facts = self._catalogue.facts(slot)
            name = text_at(facts.canary if facts else {}, "spec", "targetRef", "name")
            target = await self._api.read(Ref(api_version, kind, name, namespace))
            found = () if target is None else (target,)
        for obj in found:
            self._catalogue.see(Seen(Change.ADDED, obj))

    async def _primary(self, facts: Facts) -> Recognised | None:
        if facts.target is None or facts.missing:
            return None
        canary = parse(dict(facts.canary))
        if not isinstance(canary, Canary):
            raise AssertionError(canary.kind)
        uid = text_at(facts.canary, "metadata", "uid")
        work = Work(
            slot=facts.slot,
            fence=Fence(run_id="", generation=0, sequence=0),
            revision="",
            known=Known(canary.spec),
            began=0.0,
            owner=Owner.canary(facts.slot.name, uid),
        )
        return await recognised(self._parts, work, facts.target)


def _sight(facts: Facts, decision: Decision, state: KubeState, primary: Recognised | None) -> Sight:
    canary = facts.canary
    return Sight(
        name=facts.slot.name,
        namespace=facts.slot.namespace,
        phase=state.left or text_at(canary, "status", "phase"),
        canary_weight=int_at(canary, "status", "canaryWeight") or 0,
        refusal=decision.refusal or "",
        missing=", ".join(facts.missing),
        deleted=bool(text_at(canary, "metadata", "deletionTimestamp")),
        suspended=at(canary, "spec", "suspend") is True,
        ours=state.promoted_revision is not None,
        target=facts.target is not None,
        primary=primary is not None,
        same=primary is not None and primary.same,
        not_ready=primary.not_ready if primary is not None else "",
    )


def _unmarked(obj: KubeObject) -> KubeObject:
    """Taking over ends a hand-back."""
    if not is_handed_back(obj):
        return obj
    notes = {name: text for name, text in texts_at(obj, "metadata", "annotations").items()
             if name != HANDED_BACK}  # fmt: skip
    return {**obj, "metadata": {**map_at(obj, "metadata"), "annotations": dict(notes)}}
