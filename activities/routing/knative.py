"""Knative: traffic between revisions of the target itself; no object is created.

The stable revision stands in Flagger's annotation. Where somebody removed it, it is found again
in the traffic, so that a rollout goes on.
"""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, int_at, maps_at, text_at
from activities.routing.parts import (
    TOTAL,
    JsonMap,
    found,
    metadata,
    object_of,
    refuse_mirror,
    split,
)
from activities.routing.router import Live, Rollout, RouteError, Wanted
from workflows.model.plan import Routes
from workflows.model.target import KNATIVE as API

PRIMARY_REVISION = "flagger.app/primary-revision"
_LATEST = ""


class KnativeRouter:
    """By weight only; the newest revision is the canary."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        return (_ref(rollout),)

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        refuse_mirror(rollout, routes, "knative")
        ref = _ref(rollout)
        service = found(live, ref, f"Canary {rollout.name} names it as its target")
        primary = _primary(service)
        if primary is None:
            raise RouteError(f"{ref} has no ready revision yet to keep users on; mend the target")
        meta = metadata(ref, annotations={PRIMARY_REVISION: primary})
        newest: JsonMap = {"latestRevision": True, "percent": routes.canary}
        stable: JsonMap = {"revisionName": primary, "percent": routes.primary}
        traffic: list[JsonValue] = [newest, stable, *_addresses(service)]
        return Wanted(objects=(object_of(ref, meta, {"traffic": traffic}),), owned=False)

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        service = live.get(_ref(rollout), {})
        primary = text_at(service, "metadata", "annotations", PRIMARY_REVISION)
        weights = [(_name(each), int_at(each, "percent") or 0) for each in _traffic(service)]
        return split(weights, primary, _LATEST) if primary and len(weights) == 2 else None

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        ref = _ref(rollout)
        service = live.get(ref)
        if service is None:
            return f"{ref} does not exist"
        generation = int_at(service, "metadata", "generation") or 0
        if (int_at(service, "status", "observedGeneration") or 0) < generation:
            return f"{ref}: Knative has not taken it yet"
        for condition in maps_at(service, "status", "conditions"):
            if condition.get("type") == "RoutesReady" and condition.get("status") != "True":
                return f"{ref}: {text_at(condition, 'message') or 'its routes are not ready'}"
        return None

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        ref = _ref(rollout)
        if ref not in live:
            return Wanted(objects=(), owned=False)
        newest: JsonMap = {"latestRevision": True, "percent": TOTAL}
        meta = metadata(ref, annotations={PRIMARY_REVISION: None})
        traffic: list[JsonValue] = [newest, *_addresses(live[ref])]
        return Wanted(objects=(object_of(ref, meta, {"traffic": traffic}),), owned=False)


def _ref(rollout: Rollout) -> Ref:
    return Ref(API, "Service", rollout.canary.target_ref.name, rollout.namespace)


def _primary(service: KubeObject) -> str | None:
    """The annotation, else the named revision that most users are on, else the newest ready one."""
    noted = text_at(service, "metadata", "annotations", PRIMARY_REVISION)
    if noted:
        return noted
    named = [each for each in _traffic(service) if _name(each) != _LATEST]
    served = maps_at(service, "status", "traffic")
    named = named or [each for each in served if text_at(each, "revisionName")]
    most = max(named, key=lambda each: int_at(each, "percent") or 0, default=None)
    if most is not None:
        return text_at(most, "revisionName")
    return text_at(service, "status", "latestReadyRevisionName") or None


def _traffic(service: KubeObject) -> list[JsonMap]:
    entries = maps_at(service, "spec", "traffic")
    return [each for each in entries if not _is_address(each)]


def _addresses(service: KubeObject) -> list[JsonMap]:
    """The user's own entries that move nobody."""
    return [each for each in maps_at(service, "spec", "traffic") if _is_address(each)]


def _is_address(entry: KubeObject) -> bool:
    """Whether an entry only gives a revision an address of its own."""
    return bool(text_at(entry, "tag")) and not int_at(entry, "percent")


def _name(entry: KubeObject) -> str:
    return _LATEST if entry.get("latestRevision") is True else text_at(entry, "revisionName")


KNATIVE = KnativeRouter()
