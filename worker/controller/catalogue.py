"""What the watches have told, in memory: which slots a change is about, and the facts of a slot.

Does no I/O; filled by `worker.controller.watching`. Of configs only checksums are kept, of
targets only those that a Canary names.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

from pydantic import JsonValue

from activities.kube.api import Change, Seen
from activities.kube.left import is_handed_back
from activities.kube.objects import KubeObject, Ref, map_at, ref_of, text_at
from activities.kube.sources import has_pods
from worker.controller.deciding import Facts
from worker.controller.sources import (
    CANARY,
    CONFIG_KINDS,
    CORE,
    POLICY,
    TEMPLATE,
    Source,
    target_ref,
)
from workflows.errors import ManifestError
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest, parse
from workflows.model.metric_template import MetricTemplate
from workflows.model.policy import RolloutPolicy
from workflows.model.tracking import ConfigRef, checksum, references

M = TypeVar("M", MetricTemplate, RolloutPolicy)


class Catalogue:
    """All that is known of one cluster."""

    def __init__(self, cluster: str, *, config_tracking: bool = True) -> None:
        self._cluster = cluster
        self._tracking = config_tracking
        self._canaries: dict[Ref, KubeObject] = {}
        self._slots: defaultdict[Ref, set[Slot]] = defaultdict(set)
        """The slots that release a target."""
        self._targets: dict[Ref, KubeObject] = {}
        self._configs: dict[Ref, str | None] = {}
        self._templates: dict[Ref, MetricTemplate] = {}
        self._policies: dict[Ref, RolloutPolicy] = {}

    @property
    def slots(self) -> Iterable[Slot]:
        return tuple(self._slot(ref) for ref in self._canaries)

    @property
    def canaries(self) -> Iterable[KubeObject]:
        return tuple(self._canaries.values())

    def see(self, seen: Seen) -> frozenset[Slot]:
        """Take in one change; the slots that have to be looked at for it."""
        ref = ref_of(seen.obj)
        gone = seen.change is Change.DELETED
        match (ref.api_version, ref.kind):
            case kind if kind == CANARY:
                return self._see_canary(ref, None if gone else seen.obj)
            case kind if kind == TEMPLATE:
                return self._see_manifest(ref, _parsed(seen, MetricTemplate), self._templates)
            case kind if kind == POLICY:
                return self._see_manifest(ref, _parsed(seen, RolloutPolicy), self._policies)
            case (api_version, kind) if api_version == CORE and kind in CONFIG_KINDS:
                return self._see_config(ref, None if gone else seen.obj)
            case _:
                return self._see_target(ref, None if gone else seen.obj)

    def forget(self, source: Source, but: frozenset[Ref]) -> frozenset[Slot]:
        """Everything of a source is gone but what was listed; the slots to look at."""
        held = (self._canaries, self._targets, self._configs, self._templates, self._policies)
        lost = [ref for known in held for ref in known if _is_of(ref, source) and ref not in but]
        return frozenset[Slot]().union(*(self.see(Seen(Change.DELETED, _named(r))) for r in lost))

    def facts(self, slot: Slot) -> Facts | None:
        """What is known of a slot; None if it has no Canary."""
        canary = self._canaries.get(_canary_ref(slot))
        if canary is None:
            return None
        target = self.target_of(slot)
        configs, missing = self._configs_of(target)
        return Facts(
            slot=slot,
            canary=canary,
            target=target,
            configs=configs,
            missing=missing,
            templates=tuple(self._templates.values()),
            policies=tuple(self._policies.values()),
        )

    def target_of(self, slot: Slot) -> KubeObject | None:
        canary = self._canaries.get(_canary_ref(slot))
        where = target_ref(canary) if canary is not None else None
        return self._targets.get(where) if where is not None else None

    def wants_of(self, slot: Slot) -> Iterable[tuple[str, str, str]]:
        """The kinds, each with a namespace, that must be watched to know all of a slot."""
        canary = self._canaries.get(_canary_ref(slot))
        where = target_ref(canary) if canary is not None else None
        if where is None:
            return ()
        kinds = {ref.kind for ref in self._references(self._targets.get(where))}
        return (
            (where.api_version, where.kind, slot.namespace),
            *((CORE, kind, slot.namespace) for kind in sorted(kinds)),
        )

    def _see_canary(self, ref: Ref, canary: KubeObject | None) -> frozenset[Slot]:
        slot, before = self._slot(ref), self._canaries.get(ref)
        if before is not None and (where := target_ref(before)) is not None:
            self._slots[where].discard(slot)
            if not self._slots[where]:
                del self._slots[where]
        if canary is None:
            self._canaries.pop(ref, None)
            self._drop_unwanted(before)
            return frozenset()
        self._canaries[ref] = canary
        if (where := target_ref(canary)) is not None:
            self._slots[where].add(slot)
        self._drop_unwanted(before)
        same = before is not None and _decisive(before) == _decisive(canary)
        return frozenset() if same else frozenset((slot,))

    def _drop_unwanted(self, canary: KubeObject | None) -> None:
        where = target_ref(canary) if canary is not None else None
        if where is not None and where not in self._slots:
            self._targets.pop(where, None)

    def _see_manifest(self, ref: Ref, found: M | None, known: dict[Ref, M]) -> frozenset[Slot]:
        if known.get(ref) == found:
            return frozenset()
        if found is None:
            known.pop(ref, None)
        else:
            known[ref] = found
        return frozenset(self.slots)

    def _see_config(self, ref: Ref, config: KubeObject | None) -> frozenset[Slot]:
        unknown = "unknown"
        before = self._configs.get(ref, unknown)
        if config is None:
            self._configs.pop(ref, None)
        else:
            self._configs[ref] = checksum(config)
        if before == self._configs.get(ref, unknown):
            return frozenset()
        return frozenset(
            slot
            for where, target in self._targets.items()
            if where.namespace == ref.namespace
            and any((r.kind, r.name) == (ref.kind, ref.name) for r in self._references(target))
            for slot in self._slots.get(where, ())
        )

    def _see_target(self, ref: Ref, target: KubeObject | None) -> frozenset[Slot]:
        slots = self._slots.get(ref)
        if not slots:
            return frozenset()
        before = self._targets.get(ref)
        if target is None:
            self._targets.pop(ref, None)
        else:
            self._targets[ref] = target
        same = before is not None and target is not None and _spec(before) == _spec(target)
        return frozenset() if same else frozenset(slots)

    def _references(self, target: KubeObject | None) -> Iterable[ConfigRef]:
        if target is None or not self._tracking or not has_pods(target):
            return ()
        return references(map_at(target, "spec", "template"))

    def _configs_of(self, target: KubeObject | None) -> tuple[Mapping[str, str], tuple[str, ...]]:
        found: dict[str, str] = {}
        missing: list[str] = []
        for config in self._references(target):
            namespace = text_at(target or {}, "metadata", "namespace")
            ref = Ref(CORE, config.kind, config.name, namespace)
            value = self._configs.get(ref)
            if value is not None:
                found[config.key] = value
            elif ref not in self._configs and not config.optional:
                missing.append(f"{config.kind} {config.name}")
        return found, tuple(missing)

    def _slot(self, ref: Ref) -> Slot:
        return Slot(cluster=self._cluster, namespace=ref.namespace or "", name=ref.name)


def _parsed(seen: Seen, kind: type[M]) -> M | None:
    """An invalid template is as good as none: who refers to it is told so."""
    if seen.change is Change.DELETED:
        return None
    try:
        found: Manifest = parse(dict(seen.obj))
    except ManifestError:
        return None
    return found if isinstance(found, kind) else None


def _decisive(canary: KubeObject) -> tuple[JsonValue, ...]:
    """What of a Canary can change a decision."""
    status = map_at(canary, "status")
    metadata = map_at(canary, "metadata")
    return (
        canary.get("spec"),
        *(metadata.get(name) for name in ("uid", "labels", "deletionTimestamp")),
        *(status.get(name) for name in ("phase", "lastAppliedSpec", "lastPromotedSpec")),
        is_handed_back(canary),
    )


def _spec(target: KubeObject) -> tuple[JsonValue, ...]:
    revision = map_at(target, "status").get("latestCreatedRevisionName")
    return (target.get("spec"), map_at(target, "metadata").get("deletionTimestamp"), revision)


def _canary_ref(slot: Slot) -> Ref:
    return Ref(*CANARY, slot.name, slot.namespace)


def _is_of(ref: Ref, source: Source) -> bool:
    kinds = (ref.api_version, ref.kind) == (source.api_version, source.kind)
    return kinds and source.namespace in ("", ref.namespace)


def _named(ref: Ref) -> KubeObject:
    metadata: dict[str, JsonValue] = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}
