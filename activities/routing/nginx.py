"""ingress-nginx: a copy of the user's Ingress with the `canary-*` annotations.

The original goes on to lead to the apex Service, that is to the primary. The copy stays
`canary: "true"` at weight 0: with "false", the admission webhook of ingress-nginx would see two
Ingresses for one host and refuse every later edit of the original.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, texts_at
from activities.routing import ingress
from activities.routing.apex_object import claimed, undone
from activities.routing.parts import (
    FLUX_OPT_OUT,
    JsonMap,
    matches,
    metadata,
    object_of,
    refuse_mirror,
)
from activities.routing.router import Live, Rollout, RouteError, Wanted
from workflows.model.http_match import TextMatch
from workflows.model.plan import Routes

DEFAULT_PREFIX = "nginx.ingress.kubernetes.io"
_HEADER, _VALUE, _PATTERN = "canary-by-header", "canary-by-header-value", "canary-by-header-pattern"
_COOKIE, _WEIGHT, _TOTAL = "canary-by-cookie", "canary-weight", "canary-weight-total"
_RULES = (_HEADER, _VALUE, _PATTERN, _COOKIE, _TOTAL)


@dataclass(frozen=True, slots=True)
class NginxRouter:
    """`prefix` is what the controller was told to read its annotations under."""

    prefix: str = DEFAULT_PREFIX

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        return ingress.original(rollout), ingress.copy(rollout)

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        refuse_mirror(rollout, routes, "nginx")
        source, ref = ingress.template(rollout, live), ingress.copy(rollout)
        labels, annotations = ingress.copied_texts(source)
        texts: dict[str, str | None] = {
            name: text for name, text in annotations.items() if not self._is_canary(name)
        }
        texts |= FLUX_OPT_OUT
        texts |= {f"{self.prefix}/{name}": text for name, text in _rule(rollout, routes).items()}
        spec = _spec(rollout, source)
        meta = metadata(ref, labels=labels, annotations=texts)
        return claimed(rollout, object_of(ref, meta, spec), live.get(ref))

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        ref = ingress.copy(rollout)
        if ref not in live:
            return None
        found = texts_at(live[ref], "metadata", "annotations")
        rule = {name.partition("/")[2]: text for name, text in found.items()
                if self._is_canary(name)}  # fmt: skip
        return _routes(rollout, rule)

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        ref = ingress.copy(rollout)
        return None if ref in live else f"{ref} does not exist"

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        return undone(rollout, (ingress.copy(rollout),), live)

    def _is_canary(self, name: str) -> bool:
        return name.startswith(f"{self.prefix}/canary")


def _spec(rollout: Rollout, source: KubeObject) -> JsonMap:
    """Every backend that is the apex becomes the canary; all else as in the original."""
    named = ingress.backends(source)
    ingress.refuse_unless(bool(named & {rollout.apex, rollout.canary_service}), rollout)

    def paths(each: Sequence[JsonMap]) -> list[JsonValue]:
        return [
            ingress.led_to(path, rollout.canary_service)
            if ingress.backend(path) == rollout.apex else path
            for path in each
        ]  # fmt: skip

    spec = ingress.rewritten(source, paths)
    fallback: JsonMap = {"backend": map_at(source, "spec", "defaultBackend")}
    if ingress.backend(fallback) == rollout.apex:
        spec["defaultBackend"] = map_at(ingress.led_to(fallback, rollout.canary_service), "backend")
    return spec


def _rule(rollout: Rollout, routes: Routes) -> Mapping[str, str | None]:
    """The `canary` annotations; `None` for those that would send others there too."""
    rule: dict[str, str | None] = {"canary": "true", **dict.fromkeys(_RULES)}
    if not matches(rollout):
        return {**rule, _WEIGHT: str(routes.canary)}
    # There is no weight inside a rule: matched users are on the canary, or they are not.
    return {**rule, _WEIGHT: "0", **(_matched(rollout) if routes.canary else {})}


def _matched(rollout: Rollout) -> dict[str, str]:
    """A header rule, a cookie rule or both; any of the two sends a request to the canary."""
    given = list(_given(rollout))
    cookies = [text for name, text in given if name.lower() == "cookie"]
    headers = [(name, text) for name, text in given if name.lower() != "cookie"]
    where = f"Canary {rollout.namespace}/{rollout.name}: analysis.match"
    if len(headers) > 1 or len(cookies) > 1:
        names = ", ".join(name for name, _ in given)
        raise RouteError(f"{where} has {names}; nginx keeps one header and one cookie")
    rule: dict[str, str] = {}
    for name, text in headers:
        rule |= {_HEADER: name, **_header(where, text)}
    for text in cookies:
        if text.exact is None:
            raise RouteError(f"{where}: nginx knows a cookie by its name only; give it as `exact`")
        rule[_COOKIE] = text.exact
    return rule


def _given(rollout: Rollout) -> Iterator[tuple[str, TextMatch]]:
    seen: set[tuple[str, str]] = set()
    for match in matches(rollout):
        for name, text in match.headers.items():
            if (name, text.model_dump_json()) not in seen:
                seen.add((name, text.model_dump_json()))
                yield name, text


def _header(where: str, text: TextMatch) -> dict[str, str]:
    if text.exact is not None:
        return {_VALUE: text.exact}
    if text.prefix is not None or text.suffix is not None:
        raise RouteError(f"{where}: nginx matches a header by `exact` or `regex` only")
    # Without either, nginx would wait for the word "always" as the header's value.
    return {_PATTERN: ".*" if text.regex is None else text.regex}


def _routes(rollout: Rollout, rule: Mapping[str, str]) -> Routes | None:
    weight = rule.get(_WEIGHT, "0")
    share = int(weight) if re.fullmatch("[0-9]{1,3}", weight) else -1
    matched = {name: text for name, text in rule.items() if name in _RULES}
    if matches(rollout) and share == 0 and matched:
        share = 100 if matched == _matched(rollout) else -1
    elif matched:
        return None
    if rule.get("canary") != "true" or not 0 <= share <= 100:
        return None
    return Routes(primary=100 - share, canary=share)


NGINX = NginxRouter()
