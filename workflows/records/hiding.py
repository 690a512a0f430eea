"""A plan as others may read it: nothing in it that could be a credential.

Plans hold references to secrets, never secrets; but a manifest may carry a token in a header, a
URL or a hook's metadata, and the decision record outlives the manifest. Pure, called by
`workflows.records.recording`.
"""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import JsonValue

from workflows.model.plan import Plan

HIDDEN = "hidden"
_TELLING = re.compile(r"auth|cookie|credential|key|passw|secret|signature|token", re.IGNORECASE)
_IN_COMMAND = re.compile(
    r"""(?P<name>[\w-]*(?:auth|cookie|credential|key|passw|secret|token)[\w-]*)"""
    r"""(?P<sep>\s*[:=]\s*)(?:(?P<scheme>bearer|basic)\s+)?[^\s'"&]+""",
    re.IGNORECASE,
)
_URLS = frozenset({"url", "address", "proxy"})


def public(plan: Plan) -> Plan:
    """The same plan with credentials hidden; decisions do not depend on what is hidden."""
    return Plan.model_validate(_hidden(plan.model_dump(mode="json"), ""))


def _hidden(value: JsonValue, name: str) -> JsonValue:
    if isinstance(value, dict):
        return {key: _field(key, inner, name) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner, name) for inner in value]
    if isinstance(value, str) and name in _URLS:
        return hidden_url(value)
    return value


def _field(key: str, value: JsonValue, parent: str) -> JsonValue:
    # The headers of a metric provider are lists; those of an A/B match say who is meant.
    if parent == "headers" and isinstance(value, list):
        return [HIDDEN for _ in value]
    if parent == "metadata" and isinstance(value, str):
        return HIDDEN if _TELLING.search(key) else _command(value)
    return _hidden(value, key)


def hidden_url(text: str) -> str:
    """A URL without its user and password, and without what its query says."""
    try:
        parts = urlsplit(text)
        if not parts.scheme:
            return text
        query = urlencode([(name, HIDDEN) for name, _ in parse_qsl(parts.query)])
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")
    netloc = f"{HIDDEN}@{host[2]}" if host[1] else host[2]
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _command(text: str) -> str:
    """A line for a load tester: its options stay, values of telling headers do not."""
    return _IN_COMMAND.sub(lambda found: f"{found['name']}{found['sep']}{HIDDEN}", text)
