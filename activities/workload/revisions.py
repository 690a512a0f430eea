"""The snapshots of a target, as one write to it sees them.

Which one was promoted last is known even when the store is lost: a cluster that was rebuilt must
not take an unvetted revision for the one that users had.
"""

from activities.kube.snapshots import Snapshot, Snapshots
from activities.workload.needs import Work


class Revisions:
    """One for a worker and cluster."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    async def find(self, work: Work, revision: str) -> Snapshot | None:
        """The target as it was, or a primary that was found already made."""
        return await self._snapshots.find(work.slot, revision)

    async def read(self, work: Work, revision: str) -> Snapshot:
        """What was analysed; without it nothing may be promoted."""
        return await self._snapshots.read(work.slot, revision)

    async def keep(self, work: Work, revision: str, snapshot: Snapshot) -> None:
        if work.owner is not None:
            await self._snapshots.keep(work.slot, revision, snapshot, work.owner)

    async def vetted(self, work: Work) -> str | None:
        """What was promoted last, if that is still known and can be had."""
        known = work.known.promoted or await self._snapshots.last_promoted(work.slot)
        if known is None or await self.find(work, known) is None:
            return None
        return known

    async def mark_promoted(self, work: Work, revision: str) -> None:
        await self._snapshots.mark_promoted(work.slot, revision)
