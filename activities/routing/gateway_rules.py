"""The rules of an HTTPRoute: by weight, by match (A/B), by cookie. Pure.

Used by `activities.routing.gateway_api`. The API takes the most specific rule, so a rule with one
condition more wins over the same without it, in whatever order they stand.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from activities.routing.affinity import COOKIE, Sticky, cookies, sticky
from activities.routing.gateway_filters import PREFIX, canary_mirror, set_cookie, shared_filters
from activities.routing.parts import TOTAL, matches, port
from activities.routing.router import Rollout, RouteError
from workflows.model.http_match import HttpMatch, TextMatch
from workflows.model.plan import Routes

Json = dict[str, JsonValue]
EXACT = "Exact"
REGEX = "RegularExpression"
ANYTHING = ".*"
_ROOT: Json = {"type": "PathPrefix", "value": "/"}


@dataclass(frozen=True, slots=True)
class Version:
    """What one version of the API has."""

    api: str
    timeouts: bool
    cors: bool


V1 = Version("gateway.networking.k8s.io/v1", timeouts=True, cors=True)
V1BETA1 = Version("gateway.networking.k8s.io/v1beta1", timeouts=False, cors=False)


@dataclass(frozen=True, slots=True)
class Match:
    """One way to match a request; names of headers are one in any spelling."""

    path: Json
    method: str | None
    headers: Mapping[str, Json]
    query_params: Mapping[str, Json]

    def and_also(self, other: "Match") -> "Match":
        """All conditions of both; the other's count where both ask for the same."""
        return Match(
            path=self.path,
            method=self.method,
            headers={**self.headers, **other.headers},
            query_params={**self.query_params, **other.query_params},
        )

    def plain(self) -> Json:
        written: Json = {"path": dict(self.path)}
        if self.method:
            written["method"] = self.method
        if self.headers:
            written["headers"] = [dict(self.headers[name]) for name in sorted(self.headers)]
        if self.query_params:
            params = self.query_params
            written["queryParams"] = [dict(params[name]) for name in sorted(params)]
        return written


def rules(version: Version, rollout: Rollout, routes: Routes) -> list[JsonValue]:
    """What `spec.rules` says for these routes."""
    made = [*(_ab(rollout, routes) if matches(rollout) else _weighted(rollout, routes))]
    rewrite = rollout.canary.service.rewrite
    if rewrite and rewrite.type == PREFIX and rewrite.uri:
        # The API replaces a prefix only where a rule has exactly one.
        made = [replace(each, matches=[match]) for each in made for match in each.matches]
    return [_complete(version, rollout, each, mirrored=routes.mirrored) for each in made]


@dataclass(frozen=True, slots=True)
class _Rule:
    matches: Sequence[Match]
    backends: Sequence[Json]
    from_primary: bool


def _complete(version: Version, rollout: Rollout, rule: _Rule, *, mirrored: bool) -> Json:
    """With all that rules of the service share, each with its own copy."""
    filters = [*shared_filters(rollout, cors=version.cors)]
    if mirrored and rule.from_primary:
        filters.append(canary_mirror(rollout))
    written: Json = {
        "matches": [match.plain() for match in rule.matches],
        "backendRefs": [*rule.backends],
    }
    if filters:
        written["filters"] = [*filters]
    if version.timeouts and (timeouts := _timeouts(rollout)):
        written["timeouts"] = timeouts
    return written


def _weighted(rollout: Rollout, routes: Routes) -> Iterator[_Rule]:
    for rule in sticky(rollout, routes):
        side = _canary(rollout, TOTAL) if rule.canary else _primary(rollout, TOTAL, rule.answer)
        when = [_holding(rollout, match, rule) for match in _service_matches(rollout)]
        yield _Rule(when, [side], from_primary=not rule.canary)
    answers = cookies(rollout, routes)
    backends = [
        _primary(rollout, routes.primary, answers.primary),
        _canary(rollout, routes.canary, answers.canary),
    ]
    yield _Rule(_service_matches(rollout), backends, from_primary=routes.primary > 0)


def _ab(rollout: Rollout, routes: Routes) -> Iterator[_Rule]:
    tests = [_match(rollout, test) for test in matches(rollout)]
    service = _service_matches(rollout)
    both = [_primary(rollout, routes.primary), _canary(rollout, routes.canary)]
    products = [each.and_also(test) for test in tests for each in service]
    yield _Rule(products, both, from_primary=routes.primary > 0)
    yield _Rule(service, [_primary(rollout, TOTAL)], from_primary=True)


def _primary(rollout: Rollout, weight: int, cookie: str | None = None) -> Json:
    return _backend(rollout, rollout.primary, weight, cookie)


def _canary(rollout: Rollout, weight: int, cookie: str | None = None) -> Json:
    return _backend(rollout, rollout.canary_service, weight, cookie)


def _backend(rollout: Rollout, name: str, weight: int, cookie: str | None) -> Json:
    backend: Json = {
        "group": "",
        "kind": "Service",
        "name": name,
        "port": port(rollout),
        "weight": weight,
    }
    if cookie is not None:
        backend["filters"] = [set_cookie(cookie)]
    return backend


def _timeouts(rollout: Rollout) -> Json:
    service = rollout.canary.service
    given = service.model_dump(
        mode="json", by_alias=True, exclude_none=True, include={"timeout", "backend_timeout"}
    )
    names = {"timeout": "request", "backendTimeout": "backendRequest"}
    return {names[name]: length for name, length in given.items()}


def _service_matches(rollout: Rollout) -> list[Match]:
    return [_match(rollout, each) for each in rollout.canary.service.match or (HttpMatch(),)]


def _match(rollout: Rollout, match: HttpMatch) -> Match:
    headers = {name.lower(): _text(rollout, name, text) for name, text in match.headers.items()}
    params = {name: _text(rollout, name, text) for name, text in match.query_params.items()}
    method = match.method
    if method and method.exact is None:
        raise RouteError(f"{_where(rollout)}: a method can only be matched exactly")
    return Match(
        path=_path(rollout, match.uri),
        method=method.exact if method else None,
        headers=headers,
        query_params=params,
    )


def _path(rollout: Rollout, uri: TextMatch | None) -> Json:
    if uri is None:
        return _ROOT
    forms = {EXACT: uri.exact, "PathPrefix": uri.prefix, REGEX: uri.regex}
    for form, text in forms.items():
        if text is not None:
            return {"type": form, "value": text}
    raise RouteError(f"{_where(rollout)}: a uri is matched by exact, prefix or regex")


def _text(rollout: Rollout, name: str, text: TextMatch) -> Json:
    """The name keeps its spelling; no condition on the value asks that it be there."""
    if text.exact is not None:
        return {"type": EXACT, "name": name, "value": text.exact}
    if text.prefix is not None or text.suffix is not None:
        raise RouteError(
            f"{_where(rollout)}: {name} can be matched by exact or regex only; write the "
            f"{'prefix' if text.prefix is not None else 'suffix'} as a regex"
        )
    return {"type": REGEX, "name": name, "value": text.regex or ANYTHING}


def _holding(rollout: Rollout, match: Match, rule: Sticky) -> Match:
    """The API looks at the first of two conditions on one header only."""
    if COOKIE.lower() in match.headers:
        raise RouteError(
            f"{_where(rollout)}: service.match asks for a cookie already; an HTTPRoute cannot ask "
            "for the cookie of sessionAffinity too"
        )
    condition: Json = {"type": REGEX, "name": COOKIE, "value": rule.cookies}
    headers = {**match.headers, COOKIE.lower(): condition}
    return Match(match.path, match.method, headers, match.query_params)


def _where(rollout: Rollout) -> str:
    return f"HTTPRoute {rollout.namespace}/{rollout.apex}"
