"""Skipper: a copy of the user's Ingress that leads to both Services by weight.

The copy wins over the original by one more predicate. At weight 0 it is switched off, and users
go through the original to the apex Service, that is to the primary.
"""

import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, text_at
from activities.routing import ingress
from activities.routing.apex_object import claimed, undone
from activities.routing.parts import (
    FLUX_OPT_OUT,
    JsonMap,
    metadata,
    object_of,
    refuse_mirror,
    split,
)
from activities.routing.router import Live, Rollout, Wanted
from workflows.model.plan import ALL_PRIMARY, Routes

PREDICATE = "zalando.org/skipper-predicate"
WEIGHTS = "zalando.org/backend-weights"
_ON, _OFF = "Weight(100)", "False()"


class SkipperRouter:
    """By weight only: header predicates have no place in the one annotation that is ours."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        return ingress.original(rollout), ingress.copy(rollout)

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        refuse_mirror(rollout, routes, "skipper")
        source, ref = ingress.template(rollout, live), ingress.copy(rollout)
        labels, annotations = ingress.copied_texts(source)
        shares = {rollout.primary: routes.primary, rollout.canary_service: routes.canary}
        annotations |= {
            **FLUX_OPT_OUT,
            WEIGHTS: json.dumps(shares, sort_keys=True, separators=(",", ":")),
            PREDICATE: _predicate(_ON if routes.canary else _OFF, annotations.get(PREDICATE, "")),
        }
        meta = metadata(ref, labels=labels, annotations=annotations)
        return claimed(rollout, object_of(ref, meta, _spec(rollout, source)), live.get(ref))

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        ref = ingress.copy(rollout)
        if ref not in live:
            return None
        weights = _weights(text_at(live[ref], "metadata", "annotations", WEIGHTS))
        routes = split(weights, rollout.primary, rollout.canary_service)
        switch = _parts(text_at(live[ref], "metadata", "annotations", PREDICATE))[:1]
        off = routes == ALL_PRIMARY
        return routes if switch == [_OFF if off else _ON] else None

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        ref = ingress.copy(rollout)
        return None if ref in live else f"{ref} does not exist"

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        return undone(rollout, (ingress.copy(rollout),), live)


def _spec(rollout: Rollout, source: KubeObject) -> JsonMap:
    """Each path to the apex leads to the primary, and once more to the canary."""
    named = ingress.backends(source)
    ingress.refuse_unless(bool(named & {rollout.apex, rollout.primary}), rollout)
    apex = {rollout.apex, rollout.primary}

    def paths(each: Sequence[JsonMap]) -> list[JsonValue]:
        kept = [path for path in each if ingress.backend(path) != rollout.canary_service]
        primary = (
            ingress.led_to(path, rollout.primary) if ingress.backend(path) in apex else path
            for path in kept
        )
        canary = (
            ingress.led_to(path, rollout.canary_service)
            for path in kept
            if ingress.backend(path) in apex
        )
        return [*primary, *canary]

    return ingress.rewritten(source, paths)


def _predicate(switch: str, given: str) -> str:
    return " && ".join((switch, *(part for part in _parts(given) if part not in (_ON, _OFF))))


def _parts(predicate: str) -> list[str]:
    return [part.strip() for part in predicate.split("&&") if part.strip()]


def _weights(text: str) -> Sequence[tuple[str, int | None]]:
    try:
        found: JsonValue = json.loads(text)
    except ValueError:
        return ()
    if not isinstance(found, Mapping):
        return ()
    return [(name, each if isinstance(each, int) else None) for name, each in found.items()]


SKIPPER = SkipperRouter()
