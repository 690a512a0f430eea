"""`Planning` on a cluster: what people applied becomes the plan of a run.

`prepare` also keeps a snapshot of what will be analysed and claims the slot; `close` gives it
back. A claim whose run is gone is what the janitor looks for.
"""

from dataclasses import dataclass, field

from temporalio import activity

from activities.claims import Claim, IsRunning, compiled, nothing_to_undo
from activities.kube.api import KubeApi
from activities.kube.left import AT_REST, Adopted, adopted
from activities.kube.objects import KubeObject, texts_at
from activities.kube.reporter import Reporter, Standing
from activities.kube.snapshots import Snapshot, Snapshots, snapshot_of
from activities.kube.sources import PlanningSettings, Sources, no_target
from activities.kube.state import CanarySnapshot, KubeState
from activities.kube.store import KubeStore
from workflows.compile import AUTHOR, Bundle
from workflows.contracts import Planning
from workflows.errors import Reason, failure
from workflows.model.canary import Canary, CanarySpec
from workflows.model.identity import Slot
from workflows.model.metric_template import MetricTemplate
from workflows.model.plan import Plan, PlanKind
from workflows.model.policy import EffectivePolicy
from workflows.model.requests import (
    Action,
    CloseRun,
    LookRequest,
    Orphans,
    Outcome,
    Prepared,
    PrepareRequest,
    TargetLook,
)
from workflows.model.resource import ObjectMeta
from workflows.model.revision import target_revision
from workflows.model.status import Phase
from workflows.telling.announcing import announced

MESSAGE_LIMIT = 500
"""Letters of a past run's message; fifty of them stand in one ConfigMap."""

_BEGUN = {
    PlanKind.INITIALISE: Phase.INITIALIZING,
    PlanKind.RELEASE: Phase.PROGRESSING,
    PlanKind.REVERT: Phase.TERMINATING,
}
_ENDED = {
    Outcome.PROMOTED: Phase.SUCCEEDED,
    Outcome.INITIALISED: Phase.INITIALIZED,
    Outcome.ROLLED_BACK: Phase.FAILED,
    Outcome.WITHDRAWN: Phase.FAILED,
    Outcome.REVERTED: Phase.TERMINATED,
}


@dataclass(frozen=True, slots=True)
class _Found:
    """What a run will be about."""

    canary: Canary
    snapshot: CanarySnapshot
    revision: str
    analysed: Snapshot | None = None
    """None where nothing new is analysed: a target that is gone, or an earlier revision."""
    templates: tuple[MetricTemplate, ...] = ()
    policy: EffectivePolicy = field(default_factory=EffectivePolicy)
    looked: str | None = None
    """What the target holds now, whichever revision is released."""


class KubePlanning(Planning):
    """Called by the rollout when it begins, is told of a trigger, and ends; and by the janitor."""

    def __init__(
        self,
        api: KubeApi,
        store: KubeStore,
        settings: PlanningSettings,
        reporter: Reporter,
        is_running: IsRunning,
    ) -> None:
        self._store = store
        self._snapshots = Snapshots(api)
        self._sources = Sources(api, settings)
        self._reporter = reporter
        self._is_running = is_running
        self._settings = settings

    @activity.defn(name="planning.prepare")
    async def prepare(self, request: PrepareRequest) -> Prepared:
        """Compile the plan and claim the slot; `InvalidManifest`, `TargetNotFound` end the run."""
        slot = request.slot
        state = await self._store.read(slot)
        state.refuse_older(slot, request.fence)
        found = await self._found(request, state)
        unknown = state.canary is None
        state = _of_this_canary(state, found.snapshot)
        left = await self._sources.phase(slot) if unknown else state.left
        plan = await self._announced(compiled(self._bundle(found, state, request.action)), found)
        if found.analysed is not None:
            owner = found.snapshot.owner
            await self._snapshots.keep(slot, plan.revision, found.analysed, owner)
        claim = Claim(workflow_id=request.workflow_id, run_id=request.fence.run_id, plan=plan)
        async with self._store.write(slot, request.fence) as edit:
            now = _of_this_canary(edit.state, found.snapshot)
            kept = {"claim": claim, "canary": found.snapshot, "step": "", "left": left}
            await edit.save(now.but(**kept, looked_revision=found.looked))
        await self._reporter.tell(slot, _begun(request, plan, found, left))
        return Prepared(plan=plan)

    @activity.defn(name="planning.look")
    async def look(self, request: LookRequest) -> TargetLook:
        """Read the target's revision; changes nothing."""
        slot = request.slot
        state = await self._store.read(slot)
        canary = await self._sources.canary(slot)
        return TargetLook(
            revision=None if canary is None else await self._revision(slot, canary),
            promoted_revision=state.promoted_revision,
            looked_revision=state.looked_revision,
            failed_revision=state.failed_revision,
        )

    @activity.defn(name="planning.close")
    async def close(self, request: CloseRun) -> None:
        """Keep the outcome and free the slot."""
        shortened = request.model_copy(update={"message": request.message[:MESSAGE_LIMIT]})
        async with self._store.write(request.slot, request.fence) as edit:
            claim = edit.state.claim
            first = _adopted(request, edit.state)
            failed = {"failed_revision": request.revision} if first and first.failed else {}
            await edit.save(edit.state.closed(shortened).but(**failed))
            after = edit.state
        workflow_id = claim.workflow_id if claim is not None else request.slot.workflow_id
        await self._reporter.tell(request.slot, _ended(request, after, workflow_id, first))
        await self._snapshots.prune(request.slot, after.needed_revisions)

    @activity.defn(name="planning.find_orphans")
    async def find_orphans(self) -> Orphans:
        """Find slots claimed by a run that is no longer running."""
        states = await self._store.states(self._settings.namespaces)
        found = [await state.orphan(slot, self._is_running) for slot, state in states]
        return Orphans(orphans=tuple(orphan for orphan in found if orphan is not None))

    async def _revision(self, slot: Slot, canary: Canary) -> str | None:
        target = await self._sources.target(slot, canary.spec)
        if target is None:
            return None
        return target_revision(target, await self._sources.configs(target)) or None

    async def _found(self, request: PrepareRequest, state: KubeState) -> _Found:
        if request.action is Action.REVERT:
            return await self._to_revert(request.slot, state)
        canary = await self._sources.canary(request.slot)
        if canary is None:
            raise _no_canary(request.slot)
        if request.previous:
            return await self._before(request.slot, canary, state)
        return await self._now(request.slot, canary)

    async def _now(self, slot: Slot, canary: Canary) -> _Found:
        """The Canary and its target as they are."""
        target = await self._sources.target(slot, canary.spec)
        if target is None:
            raise no_target(slot, canary.spec)
        configs = await self._sources.configs(target)
        revision = target_revision(target, configs)
        if not revision:
            raise _nothing_yet(slot, canary)
        return _Found(
            canary=canary,
            snapshot=CanarySnapshot.of(canary, self._sources.selector_label(target)),
            revision=revision,
            analysed=snapshot_of(target, configs),
            templates=await self._sources.templates(canary),
            policy=await self._sources.policy(canary),
            looked=revision,
        )

    async def _before(self, slot: Slot, canary: Canary, state: KubeState) -> _Found:
        """The revision that was promoted before the present one."""
        revision = state.previous_revision
        if revision is None:
            raise nothing_to_undo(slot, state.promoted_revision)
        kept = await self._snapshots.read(slot, revision)
        label = self._sources.selector_label(kept.target)
        return _Found(
            canary=canary,
            snapshot=CanarySnapshot.of(canary, label),
            revision=revision,
            analysed=kept,
            templates=await self._sources.templates(canary),
            policy=await self._sources.policy(canary),
            looked=await self._revision(slot, canary),
        )

    async def _to_revert(self, slot: Slot, state: KubeState) -> _Found:
        """By the Canary of the last run: the present one is going, and may have been edited."""
        kept = state.canary
        if kept is None:
            canary = await self._sources.canary(slot)
            if canary is None:
                raise _no_canary(slot)
            kept = CanarySnapshot.of(canary)
        metadata = ObjectMeta(name=slot.name, namespace=slot.namespace, uid=kept.uid or None)
        revision = state.promoted_revision or "none"
        spec = _without_checks(kept.spec)
        return _Found(Canary(metadata=metadata, spec=spec), kept, revision)

    async def _announced(self, plan: Plan, found: _Found) -> Plan:
        providers = await self._sources.alert_providers(found.canary)
        webhook = self._settings.event_webhook
        return announced(plan, found.canary, found.policy, providers, webhook)

    def _bundle(self, found: _Found, state: KubeState, action: Action) -> Bundle:
        return Bundle(
            canary=found.canary,
            templates=found.templates,
            policy=found.policy,
            revision=found.revision,
            promoted_revision=state.promoted_revision,
            action=action,
            interval_floor=self._settings.interval_floor,
            default_provider=self._settings.default_provider,
            author=_author(found),
        )


def _author(found: _Found) -> str:
    target: KubeObject = found.analysed.target if found.analysed is not None else {}
    return texts_at(target, "metadata", "annotations").get(AUTHOR, "")


def _of_this_canary(state: KubeState, canary: CanarySnapshot) -> KubeState:
    """A Canary made anew begins anew: what the one before it had went with it."""
    if state.canary is None or not canary.uid or state.canary.uid == canary.uid:
        return state
    return KubeState(fence=state.fence, canary=canary, history=state.history)


def _without_checks(spec: CanarySpec) -> CanarySpec:
    """Nothing is judged any more, and templates may be gone with the Canary."""
    analysis = spec.analysis.model_copy(update={"metrics": ()})
    return spec.model_copy(update={"analysis": analysis})


def _begun(request: PrepareRequest, plan: Plan, found: _Found, left: str) -> Standing:
    """One at rest stays so for people and scripts while its primary is adopted.

    What was applied last is what the target holds, of an undo too: else it is news.
    """
    at_rest = plan.kind is PlanKind.INITIALISE and left in AT_REST
    return Standing(
        phase=None if at_rest else _BEGUN.get(plan.kind),
        canary_weight=0 if plan.kind in _BEGUN else None,
        iterations=0 if plan.kind in _BEGUN else None,
        failed_checks=0 if plan.kind in _BEGUN else None,
        last_applied=found.looked,
        last_promoted=plan.promoted_revision,
        tracked_configs=found.analysed.configs if found.analysed is not None else None,
        workflow_id=request.workflow_id,
    )


def _adopted(request: CloseRun, state: KubeState) -> Adopted | None:
    """Of a first run that is over: what its target holds may not be what its primary runs."""
    if request.outcome is not Outcome.INITIALISED or state.promoted_revision is None:
        return None
    return adopted(state.left, request.revision, state.promoted_revision)


def _ended(
    request: CloseRun, after: KubeState, workflow_id: str, first: Adopted | None
) -> Standing:
    phase = _ENDED.get(request.outcome) if first is None else first.phase
    return Standing(
        phase=phase,
        canary_weight=None if phase is None else 0,
        iterations=None if phase is None else 0,
        last_applied=None if first is None else first.applied,
        last_promoted=after.promoted_revision,
        message=request.message,
        reason=request.reason,
        workflow_id=workflow_id,
    )


def _no_canary(slot: Slot) -> Exception:
    message = f"there is no Canary {slot.key}; apply one to have it released"
    return failure(Reason.TARGET_NOT_FOUND, message, retryable=False)


def _nothing_yet(slot: Slot, canary: Canary) -> Exception:
    ref = canary.spec.target_ref
    message = f"{ref.kind} {slot.namespace}/{ref.name} has no revision yet; wait until it is ready"
    return failure(Reason.TARGET_NOT_FOUND, message, retryable=True)
