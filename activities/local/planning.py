"""`Planning` on this machine: manifests of the home folder become the plan of a run.

`prepare` also keeps a snapshot of what will be analysed and claims the slot; `close` gives it
back. A claim whose run is gone is what the janitor looks for.
"""

from temporalio import activity

from activities.claims import Claim, IsRunning, compiled, nothing_to_undo, refused
from activities.local.bundles import BundleReader, Source
from activities.local.revisions import RevisionFolder
from activities.local.state import TargetState, TargetStore
from activities.local.threads import in_thread
from workflows.contracts import Planning
from workflows.errors import ManifestError
from workflows.model.plan import Plan
from workflows.model.requests import (
    CloseRun,
    LookRequest,
    Orphans,
    Prepared,
    PrepareRequest,
    TargetLook,
)
from workflows.telling.announcing import announced


class LocalPlanning(Planning):
    """Called by the rollout when it begins, is told of a trigger, and ends; and by the janitor."""

    def __init__(
        self,
        store: TargetStore,
        bundles: BundleReader,
        revisions: RevisionFolder,
        is_running: IsRunning,
        event_webhook: str = "",
    ) -> None:
        self._store = store
        self._bundles = bundles
        self._revisions = revisions
        self._is_running = is_running
        self._event_webhook = event_webhook

    @activity.defn(name="planning.prepare")
    async def prepare(self, request: PrepareRequest) -> Prepared:
        """Compile the plan and claim the slot; `InvalidManifest`, `TargetNotFound` end the run."""
        async with self._store.write(request.slot, request.fence) as edit:
            source = await self._source(request, edit.state)
            plan = self._announced(compiled(source.bundle), source)
            await in_thread(self._revisions.keep, request.slot, plan.revision, source.spec)
            claim = Claim(
                workflow_id=request.workflow_id,
                run_id=request.fence.run_id,
                plan=plan,
                plain=source.bundle.canary is None,
            )
            looked = source.looked_revision
            await edit.save(edit.state.but(claim=claim, step="", looked_revision=looked))
        return Prepared(plan=plan)

    @activity.defn(name="planning.look")
    async def look(self, request: LookRequest) -> TargetLook:
        """Read the target's revision; changes nothing."""
        state = await self._store.read(request.slot)
        try:
            revision = await in_thread(self._bundles.revision, request.slot)
        except ManifestError as error:
            raise refused(error) from error
        return TargetLook(
            revision=revision,
            promoted_revision=state.promoted_revision,
            looked_revision=state.looked_revision,
            failed_revision=state.failed_revision,
        )

    @activity.defn(name="planning.close")
    async def close(self, request: CloseRun) -> None:
        """Keep the outcome and free the slot."""
        async with self._store.write(request.slot, request.fence) as edit:
            after = edit.state.closed(request)
            await edit.save(after)
        await in_thread(self._revisions.prune, request.slot, after.needed_revisions)

    @activity.defn(name="planning.find_orphans")
    async def find_orphans(self) -> Orphans:
        """Find slots claimed by a run that is no longer running."""
        slots = await self._store.slots()
        found = [
            await (await self._store.read(slot)).orphan(slot, self._is_running) for slot in slots
        ]
        return Orphans(orphans=tuple(orphan for orphan in found if orphan is not None))

    def _announced(self, plan: Plan, source: Source) -> Plan:
        bundle = source.bundle
        return announced(plan, bundle.canary, bundle.policy, source.providers, self._event_webhook)

    async def _source(self, request: PrepareRequest, state: TargetState) -> Source:
        try:
            source = await in_thread(
                self._bundles.read, request.slot, request.action, state.promoted_revision
            )
        except ManifestError as error:
            raise refused(error) from error
        if not request.previous:
            return source
        if state.previous_revision is None:
            raise nothing_to_undo(request.slot, state.promoted_revision)
        spec = await in_thread(self._revisions.read, request.slot, state.previous_revision)
        return source.at(state.previous_revision, spec)
