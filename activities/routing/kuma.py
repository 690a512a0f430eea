"""Kuma's `TrafficRoute`, which belongs to no namespace.

So its name carries one, except where Flagger left one of the plain name that leads to our
Service. It can have no owner in a namespace: a revert deletes it.
"""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, int_at, maps_at, text_at
from activities.routing.parts import (
    FLUX_OPT_OUT,
    JsonMap,
    copied,
    metadata,
    port,
    refuse_mirror,
    split,
)
from activities.routing.router import Live, Rollout, Wanted
from workflows.model.plan import Routes

MESH = "kuma.io/mesh"
_SERVICE = "kuma.io/service"


class KumaRouter:
    """By weight only."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        return _ref(rollout.apex), _ref(f"{rollout.namespace}-{rollout.apex}")

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        refuse_mirror(rollout, routes, "kuma")
        ref = self._ref(rollout, live)
        meta = metadata(ref, annotations=_annotations(rollout))
        return Wanted(
            objects=(
                {
                    "apiVersion": ref.api_version,
                    "kind": ref.kind,
                    "mesh": rollout.annotations.get(MESH, "default"),
                    "metadata": meta,
                    "spec": _spec(rollout, routes),
                },
            ),
            owned=False,
        )

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        ref = self._ref(rollout, live)
        if ref not in live or not _is_ours(rollout, live[ref]):
            return None
        splits = maps_at(live[ref], "spec", "conf", "split")
        weights = [(text_at(each, "destination", _SERVICE), int_at(each, "weight") or 0)
                   for each in splits]  # fmt: skip
        names = (_service(rollout, name) for name in (rollout.primary, rollout.canary_service))
        return split(weights, *names)

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        ref = self._ref(rollout, live)
        return None if ref in live else f"{ref} does not exist"

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        ours = (ref for ref in self.reads(rollout) if ref in live and _is_ours(rollout, live[ref]))
        return Wanted(objects=(), absent=tuple(ours))

    def _ref(self, rollout: Rollout, live: Live) -> Ref:
        plain, ours = self.reads(rollout)
        return plain if plain in live and _is_ours(rollout, live[plain]) else ours


def _ref(name: str) -> Ref:
    return Ref("kuma.io/v1alpha1", "TrafficRoute", name)


def _service(rollout: Rollout, name: str) -> str:
    return f"{name}_{rollout.namespace}_svc_{port(rollout)}"


def _is_ours(rollout: Rollout, live: KubeObject) -> bool:
    """Two Canaries of one name in different namespaces are told apart by where users come in."""
    ends = f"{rollout.apex}_{rollout.namespace}_svc_"
    found = [text_at(each, "match", _SERVICE) for each in maps_at(live, "spec", "destinations")]
    return len(found) == 1 and found[0].startswith(ends)


def _annotations(rollout: Rollout) -> dict[str, str]:
    apex = rollout.canary.service.apex
    given = copied(apex.annotations) if apex else {}
    return {**(given or {f"{port(rollout)}.service.kuma.io": "http"}), **FLUX_OPT_OUT}


def _spec(rollout: Rollout, routes: Routes) -> JsonMap:
    splits: list[JsonValue] = [
        {"weight": weight, "destination": {_SERVICE: _service(rollout, name)}}
        for name, weight in (
            (rollout.primary, routes.primary), (rollout.canary_service, routes.canary)
        )
    ]  # fmt: skip
    return {
        "sources": [{"match": {_SERVICE: "*"}}],
        "destinations": [{"match": {_SERVICE: _service(rollout, rollout.apex)}}],
        "conf": {"split": splits},
    }


KUMA = KumaRouter()
