"""`Planning` on this machine: manifests of the home folder become the plan of a run.

`prepare` also keeps a snapshot of what will be analysed and claims the slot; `close` gives it
back. A claim whose run is gone is what the janitor looks for.
"""

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.local.bundles import BundleReader, Source
from activities.local.revisions import RevisionFolder
from activities.local.state import Claim, PastRun, TargetState, TargetStore
from activities.local.threads import in_thread
from workflows.compile import compile_plan
from workflows.contracts import Planning
from workflows.decide import owed_since
from workflows.errors import ManifestError, Reason, failure
from workflows.model.plan import Plan
from workflows.model.requests import (
    CloseRun,
    LookRequest,
    Orphan,
    Orphans,
    Outcome,
    Prepared,
    PrepareRequest,
    TargetLook,
)

IsRunning = Callable[[str, str], Awaitable[bool]]
"""Whether a run of a workflow, by workflow id and run id, is running."""


class LocalPlanning(Planning):
    """Called by the rollout when it begins, is told of a trigger, and ends; and by the janitor."""

    def __init__(
        self,
        store: TargetStore,
        bundles: BundleReader,
        revisions: RevisionFolder,
        is_running: IsRunning,
    ) -> None:
        self._store = store
        self._bundles = bundles
        self._revisions = revisions
        self._is_running = is_running

    @activity.defn(name="planning.prepare")
    async def prepare(self, request: PrepareRequest) -> Prepared:
        """Compile the plan and claim the slot; `InvalidManifest`, `TargetNotFound` end the run."""
        async with self._store.write(request.slot, request.fence) as edit:
            source = await self._source(request, edit.state)
            plan = _compiled(source)
            await in_thread(self._revisions.keep, request.slot, plan.revision, source.spec)
            claim = Claim(
                workflow_id=request.workflow_id,
                run_id=request.fence.run_id,
                plan=plan,
                plain=source.bundle.canary is None,
            )
            await edit.save(edit.state.but(claim=claim, step=""))
        return Prepared(plan=plan)

    @activity.defn(name="planning.look")
    async def look(self, request: LookRequest) -> TargetLook:
        """Read the target's revision; changes nothing."""
        state = await self._store.read(request.slot)
        try:
            revision = await in_thread(self._bundles.revision, request.slot)
        except ManifestError as error:
            raise _refused(error) from error
        return TargetLook(revision=revision, promoted_revision=state.promoted_revision)

    @activity.defn(name="planning.close")
    async def close(self, request: CloseRun) -> None:
        """Keep the outcome and free the slot."""
        async with self._store.write(request.slot, request.fence) as edit:
            after = _closed(edit.state, request)
            await edit.save(after)
        needed = {after.promoted_revision, after.previous_revision, after.failed_revision}
        kept = frozenset(revision for revision in needed if revision is not None)
        await in_thread(self._revisions.prune, request.slot, kept)

    @activity.defn(name="planning.find_orphans")
    async def find_orphans(self) -> Orphans:
        """Find slots claimed by a run that is no longer running."""
        orphans: list[Orphan] = []
        for slot in await self._store.slots():
            state = await self._store.read(slot)
            claim = state.claim
            if claim is None or await self._is_running(claim.workflow_id, claim.run_id):
                continue
            owed = owed_since(claim.plan, state.step)
            orphans.append(Orphan(slot=slot, run_id=claim.run_id, plan=claim.plan, owed=owed))
        return Orphans(orphans=tuple(orphans))

    async def _source(self, request: PrepareRequest, state: TargetState) -> Source:
        try:
            source = await in_thread(
                self._bundles.read, request.slot, request.action, state.promoted_revision
            )
        except ManifestError as error:
            raise _refused(error) from error
        if not request.previous:
            return source
        if state.previous_revision is None:
            message = f"{request.slot.key} has no revision before {state.promoted_revision} to undo"
            raise failure(Reason.TARGET_NOT_FOUND, message, retryable=False)
        spec = await in_thread(self._revisions.read, request.slot, state.previous_revision)
        return source.at(state.previous_revision, spec)


def _compiled(source: Source) -> Plan:
    try:
        return compile_plan(source.bundle)
    except ManifestError as error:
        raise _refused(error) from error


def _refused(error: ManifestError) -> Exception:
    problems = [problem.model_dump(mode="json") for problem in error.problems]
    return failure(Reason.INVALID_MANIFEST, str(error), *problems, retryable=False)


def _closed(state: TargetState, request: CloseRun) -> TargetState:
    past = PastRun(
        revision=request.revision,
        outcome=request.outcome,
        reason=request.reason,
        message=request.message,
        started_at=request.started_at,
        ended_at=request.ended_at,
    )
    failed = request.revision if request.outcome is Outcome.ROLLED_BACK else state.failed_revision
    return state.and_past(past).but(claim=None, failed_revision=failed, step="")
