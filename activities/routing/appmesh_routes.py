"""What both API versions of App Mesh have in common: rules, retries, headers, the gateway.

They differ in the names of fields only; each version says them in its own `Words`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from activities.kube.objects import KubeObject, int_at, maps_at, text_at
from activities.routing.parts import JsonMap, agreeing, matches, split, uri_prefix
from activities.routing.router import Rollout
from workflows.model.http_match import FORMS, HttpMatch
from workflows.model.plan import ALL_PRIMARY, Routes
from workflows.model.quantity import format_duration
from workflows.model.service import Retries

ACCESS_LOG = "appmesh.flagger.app/accesslog"
_GATEWAY = "gateway.appmesh.k8s.aws"
_MATCHED, _OTHERS = 10, 20
_PER_TRY_MS = 250


@dataclass(frozen=True, slots=True)
class Words:
    """Where a version keeps things."""

    http: str
    target: Callable[[str], JsonMap]
    target_path: tuple[str, ...]
    retry: Callable[[int, int, list[JsonValue]], JsonMap]
    timeout: bool


def rules(rollout: Rollout, routes: Routes, words: Words) -> list[JsonValue]:
    """The rules of the apex: one, or in an A/B test one a condition and one for all others."""
    conditions = matches(rollout)
    if not conditions:
        return [rule(rollout, rollout.apex, routes, words)]
    found: list[JsonValue] = []
    for at, match in enumerate(conditions):
        name = f"{rollout.apex}-a" if at == 0 else f"{rollout.apex}-a{at + 1}"
        matched = rule(rollout, name, routes, words, headers=_headers(match))
        found.append({**matched, "priority": _MATCHED + at})
    others = rule(rollout, f"{rollout.apex}-b", ALL_PRIMARY, words)
    return [*found, {**others, "priority": max(_OTHERS, _MATCHED + len(found))}]


def rule(
    rollout: Rollout, name: str, routes: Routes, words: Words, headers: Sequence[JsonValue] = ()
) -> JsonMap:
    """One rule; App Mesh knows no match of a path but its prefix."""
    service = rollout.canary.service
    match: JsonMap = {"prefix": uri_prefix(rollout)}
    http: JsonMap = {"match": {**match, "headers": [*headers]} if headers else match}
    if words.timeout and service.timeout is not None:
        http["timeout"] = {"perRequest": milliseconds(service.timeout.total_seconds())}
    if service.retries is not None:
        http["retryPolicy"] = _retry(service.retries, words)
    weights = ((rollout.canary_service, routes.canary), (rollout.primary, routes.primary))
    targets: list[JsonValue] = [{**words.target(each), "weight": weight}
                                for each, weight in weights]  # fmt: skip
    http["action"] = {"weightedTargets": targets}
    return {"name": name, words.http: http}


def routes_of(rollout: Rollout, found: Sequence[JsonMap], words: Words) -> Routes | None:
    """What the rules of the apex say."""
    each = [_split(rollout, one, words) for one in found]
    conditions = len(matches(rollout))
    if len(each) != (conditions + 1 if conditions else 1):
        return None
    if conditions and each[-1] != ALL_PRIMARY:
        return None
    return agreeing(each[:conditions] or each)


def protocol(rollout: Rollout) -> str:
    return "grpc" if "grpc" in rollout.canary.service.port_name else "http"


def listener(port: int, rollout: Rollout) -> JsonMap:
    return {"portMapping": {"port": port, "protocol": protocol(rollout)}}


def access_log(rollout: Rollout) -> JsonMap:
    """The part of a VirtualNode's spec that makes it log each request."""
    if rollout.annotations.get(ACCESS_LOG) != "enabled":
        return {}
    return {"logging": {"accessLog": {"file": {"path": "/dev/stdout"}}}}


def gateway_annotations(rollout: Rollout) -> Mapping[str, str]:
    """By which App Mesh's ingress gateway serves the apex under its hosts."""
    service = rollout.canary.service
    if not service.hosts:
        return {}
    found = {f"{_GATEWAY}/expose": "true", f"{_GATEWAY}/domain": ",".join(service.hosts)}
    if service.timeout is not None:
        found[f"{_GATEWAY}/timeout"] = format_duration(service.timeout)
    if service.retries is not None and service.retries.attempts:
        found[f"{_GATEWAY}/retries"] = str(service.retries.attempts)
    return found


def milliseconds(seconds: float) -> JsonMap:
    return {"unit": "ms", "value": round(seconds * 1000)}


def _retry(retries: Retries, words: Words) -> JsonMap:
    per_try = retries.per_try_timeout
    events: list[JsonValue] = [*(retries.retry_on or "gateway-error").split(",")]
    wait = round(per_try.total_seconds() * 1000) if per_try is not None else _PER_TRY_MS
    return words.retry(retries.attempts or 1, wait, events)


def _headers(match: HttpMatch) -> list[JsonValue]:
    found: list[JsonValue] = []
    for name, text in match.headers.items():
        given: JsonMap = {form: value for form in FORMS
                          if (value := getattr(text, form)) is not None}  # fmt: skip
        found.append({"name": name, "match": given} if given else {"name": name})
    return found


def _split(rollout: Rollout, found: KubeObject, words: Words) -> Routes | None:
    targets = maps_at(found, words.http, "action", "weightedTargets")
    weights = [(text_at(each, *words.target_path), int_at(each, "weight") or 0)
               for each in targets]  # fmt: skip
    return split(
        [each for each in weights if each != (rollout.canary_service, 0)],
        rollout.primary,
        rollout.canary_service,
    )
