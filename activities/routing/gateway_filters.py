"""The filters of an HTTPRoute's rule: headers, rewriting, mirrors, CORS. Pure.

Used by `activities.routing.gateway_rules`.
"""

import re
from collections.abc import Iterator

from pydantic import JsonValue

from activities.routing.affinity import SET_COOKIE
from activities.routing.parts import port
from activities.routing.router import Rollout, RouteError
from workflows.model.http_match import HeaderOperations, RequestMirror, TextMatch
from workflows.model.service import CorsPolicy

Json = dict[str, JsonValue]
MIRROR = "RequestMirror"
PREFIX = "ReplacePrefixMatch"
FULL = "ReplaceFullPath"
EVERY_ORIGIN = "*"
CORS_MAX_AGE = 5
"""Seconds; the API's default."""
_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?")


def shared_filters(rollout: Rollout, *, cors: bool) -> Iterator[Json]:
    """What every rule of the service has, freshly made for each."""
    service = rollout.canary.service
    headers = service.headers
    if headers and headers.request:
        yield _headers("RequestHeaderModifier", "requestHeaderModifier", headers.request)
    if headers and headers.response:
        yield _headers("ResponseHeaderModifier", "responseHeaderModifier", headers.response)
    if rewrite := _rewrite(rollout):
        yield {"type": "URLRewrite", "urlRewrite": rewrite}
    for mirror in service.mirror:
        yield _static_mirror(mirror)
    if cors and service.cors_policy:
        yield {"type": "CORS", "cors": _cors(service.cors_policy, _where(rollout))}


def canary_mirror(rollout: Rollout) -> Json:
    """Copies of requests to the canary; its answers are dropped."""
    backend: Json = {"group": "", "kind": "Service", "name": rollout.canary_service}
    mirror: Json = {"backendRef": {**backend, "port": port(rollout)}}
    if weight := rollout.canary.analysis.mirror_weight:
        mirror["percent"] = weight
    return {"type": MIRROR, "requestMirror": mirror}


def set_cookie(cookie: str) -> Json:
    """For one backend: the rule itself may have a filter for responses already."""
    added: list[JsonValue] = [{"name": SET_COOKIE, "value": cookie}]
    return {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": added}}


def _headers(kind: str, field: str, operations: HeaderOperations) -> Json:
    modifier: Json = {}
    for name, given in (("set", operations.set), ("add", operations.add)):
        if given:
            modifier[name] = [{"name": key, "value": given[key]} for key in sorted(given)]
    if operations.remove:
        modifier["remove"] = [*sorted(operations.remove)]
    return {"type": kind, field: modifier}


def _rewrite(rollout: Rollout) -> Json:
    rewrite = rollout.canary.service.rewrite
    found: Json = {}
    if rewrite and rewrite.authority:
        found["hostname"] = rewrite.authority
    if rewrite and rewrite.uri and rewrite.type == PREFIX:
        found["path"] = {"type": PREFIX, "replacePrefixMatch": rewrite.uri}
    elif rewrite and rewrite.uri:
        found["path"] = {"type": FULL, "replaceFullPath": rewrite.uri}
    return found


def _where(rollout: Rollout) -> str:
    return f"HTTPRoute {rollout.namespace}/{rollout.apex}"


def _static_mirror(mirror: RequestMirror) -> Json:
    written = mirror.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"type": MIRROR, "requestMirror": written}


def _cors(policy: CorsPolicy, where: str) -> Json:
    exact = [_exact_origin(where, origin) for origin in policy.allow_origin]
    origins = [*exact, *(_origin(where, origin) for origin in policy.allow_origins)]
    lists = {
        "allowOrigins": origins,
        "allowMethods": policy.allow_methods,
        "allowHeaders": policy.allow_headers,
        "exposeHeaders": policy.expose_headers,
    }
    cors: Json = {name: [*values] for name, values in lists.items() if values}
    if policy.allow_credentials is not None:
        cors["allowCredentials"] = policy.allow_credentials
    given = policy.max_age
    cors["maxAge"] = CORS_MAX_AGE if given is None else round(given.total_seconds())
    return cors


def _origin(where: str, origin: TextMatch) -> str:
    """One origin, or all below a domain: that is what the API can say."""
    if origin.exact is not None:
        return _exact_origin(where, origin.exact)
    if origin.regex is not None and (said := _as_wildcard(origin.regex)):
        return said
    raise _no_such_origin(where, origin.regex or origin.prefix or "")


def _exact_origin(where: str, origin: str) -> str:
    if origin == EVERY_ORIGIN or _ORIGIN.fullmatch(origin):
        return origin
    raise _no_such_origin(where, origin)


def _as_wildcard(regex: str) -> str:
    """The same set of origins without a regular expression; empty if there is none."""
    text = regex.removeprefix("^").removesuffix("$")
    if text == ".*":
        return EVERY_ORIGIN
    marked = text.replace("://.*\\.", "://*\\.", 1)
    # Only escaped dots are dots; any other character with a meaning fails the check below.
    if "." in marked.replace("\\.", ""):
        return ""
    plain = marked.replace("\\.", ".").replace("\\-", "-").replace("\\/", "/")
    return plain if _ORIGIN.fullmatch(plain) else ""


def _no_such_origin(where: str, origin: str) -> RouteError:
    return RouteError(
        f"{where}: the Gateway API has no form for the origin {origin!r} of service.corsPolicy; "
        "name each origin, such as https://shop.example.com, or all below a domain, such as "
        r"the regex https://.*\.example\.com"
    )
