"""The tracked configs of a target as they are now, and the primary's copies of them.

Copies are made only from data whose checksum was analysed. What a promotion overwrites is kept
beside it until the new primary is ready, so that the old one can be given back its own.
"""

from collections.abc import Mapping

from activities.kube.objects import KubeObject, Ref, map_at, maps_at, text_at
from activities.kube.snapshots import Snapshot
from activities.workload.configs import Copies, copy_of, place_of
from activities.workload.metadata import ALL
from activities.workload.needs import Work, WorkloadSettings
from activities.workload.selector import PRIMARY
from activities.workload.writes import FencedWrites
from workflows.errors import Reason, failure
from workflows.model.tracking import ConfigRef, checksum, references

BEFORE = "-before"
"""What a copy held before the promotion that is under way."""
Configs = Mapping[str, KubeObject]
"""By their keys in `status.trackedConfigs`."""


class TrackedConfigs:
    """One for a worker and cluster."""

    def __init__(self, writes: FencedWrites, settings: WorkloadSettings) -> None:
        self._api = writes.api
        self._writes = writes
        self._settings = settings

    async def live(self, target: KubeObject) -> Configs:
        """Those that the target's pods read and that Serinus copies."""
        namespace = text_at(target, "metadata", "namespace")
        found: dict[str, KubeObject] = {}
        for ref in self._references(target):
            config = await self._api.read(place_of(ref.key, namespace))
            if config is None and not ref.optional:
                raise _missing(target, ref)
            if config is not None and checksum(config) is not None:
                found[ref.key] = config
        return found

    async def analysed(self, snapshot: Snapshot) -> Configs:
        """The configs as they were analysed; `TargetChanged` if they cannot be had any more."""
        live = await self.live(snapshot.target)
        differ = sorted({key for key, _ in checksums(live).items() ^ snapshot.configs.items()})
        if differ:
            raise failure(
                Reason.TARGET_CHANGED,
                f"{', '.join(differ)} changed after the analysis, and the primary gets only what "
                "was analysed; the newer revision is released next",
                retryable=False,
            )
        return live

    async def copy(self, work: Work, configs: Configs) -> Copies:
        """Bring the copies up to date; their names."""
        names: dict[str, str] = {}
        for key, config in configs.items():
            names[key] = await self._name(work, key)
            await self._keep_before(work, key, names[key], config)
            await self._ensure(work, key, names[key], self._copied(config, names[key]))
        return names

    async def complete(self, work: Work, snapshot: Snapshot) -> Copies:
        """The names of the copies; a missing one is made if what was analysed is still there."""
        names: dict[str, str] = {}
        for key, wanted in snapshot.configs.items():
            name = names[key] = await self._name(work, key)
            if await self._read(work, key, name) is not None:
                continue
            config = await self._read(work, key)
            if config is not None and checksum(config) == wanted:
                await self._ensure(work, key, name, self._copied(config, name))
        return names

    async def are_copied(self, work: Work, snapshot: Snapshot) -> bool:
        """Whether the live copies hold what was analysed."""
        for key, wanted in snapshot.configs.items():
            live = await self._read(work, key, await self._name(work, key))
            if live is None or checksum(live) != wanted:
                return False
        return True

    async def put_back(self, work: Work, target: KubeObject) -> None:
        """Each copy holds again what it held before the promotion."""
        for ref in self._references(target):
            name = await self._name(work, ref.key)
            before = await self._read(work, ref.key, name + BEFORE)
            if before is not None:
                await self._ensure(work, ref.key, name, copy_of(before, name, (ALL,)))
        await self.forget_before(work, target)

    async def forget_before(self, work: Work, target: KubeObject) -> None:
        """The promotion is over."""
        for ref in self._references(target):
            name = await self._name(work, ref.key) + BEFORE
            live = await self._read(work, ref.key, name)
            if live is not None:
                await self._writes.remove(work, live, _at(work, ref.key, name))

    def _references(self, target: KubeObject) -> tuple[ConfigRef, ...]:
        template = map_at(target, "spec", "template")
        return tuple(references(template)) if self._settings.config_tracking else ()

    def _copied(self, config: KubeObject, name: str) -> KubeObject:
        return copy_of(config, name, self._settings.label_prefixes)

    async def _keep_before(self, work: Work, key: str, name: str, wanted: KubeObject) -> None:
        """Once a promotion: after a crash the copy may hold the new data already."""
        live = await self._read(work, key, name)
        if live is None or checksum(live) == checksum(wanted):
            return
        kept = name + BEFORE
        if await self._read(work, key, kept) is None:
            await self._ensure(work, key, kept, copy_of(live, kept, (ALL,)))

    async def _ensure(self, work: Work, key: str, name: str, wanted: KubeObject) -> None:
        await self._writes.ensure(work, _at(work, key, name), lambda _: wanted)

    async def _read(self, work: Work, key: str, name: str | None = None) -> KubeObject | None:
        return await self._api.read(_at(work, key, name))

    async def _name(self, work: Work, key: str) -> str:
        """Flagger's name, unless the copy of that name belongs to another Canary."""
        own = key.partition("/")[2]
        live = await self._read(work, key, own + PRIMARY)
        if live is None or work.owner is None:
            return own + PRIMARY
        for owner in maps_at(live, "metadata", "ownerReferences"):
            foreign = owner.get("kind") == "Canary" and owner.get("uid") != work.owner.uid
            if foreign and owner.get("controller") is True:
                return f"{own}-{work.target.name}{PRIMARY}"
        return own + PRIMARY


def checksums(configs: Configs) -> dict[str, str]:
    """As a revision counts them and `status.trackedConfigs` shows them."""
    found = {key: checksum(config) for key, config in configs.items()}
    return {key: value for key, value in found.items() if value is not None}


def _at(work: Work, key: str, name: str | None = None) -> Ref:
    return place_of(key, work.slot.namespace, name)


def _missing(target: KubeObject, ref: ConfigRef) -> Exception:
    kind, name = text_at(target, "kind"), text_at(target, "metadata", "name")
    return failure(
        Reason.TARGET_NOT_FOUND,
        f"{kind} {name} reads {ref.key}, which is not there; create it, or mark it optional",
        retryable=True,
    )
