"""What a wanted object says must not be there: `None` in one of its maps.

Server-side apply never takes away what another manager wrote, and a stray `canary-by-header` on
an Ingress moves users. So routers write `None` for such a field; the engine applies `applied`
and, where `removals` gives a patch, merges it first.
"""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, contains


def applied(wanted: KubeObject) -> dict[str, JsonValue]:
    """The object as it is applied: without the fields that must not be there."""
    return {name: _kept(each) for name, each in wanted.items() if each is not None}


def removals(wanted: KubeObject, live: KubeObject) -> dict[str, JsonValue] | None:
    """A JSON merge patch that removes what must not be there; None if nothing of it is."""
    return _removals(dict(wanted), dict(live)) or None


def satisfied(wanted: KubeObject, live: KubeObject) -> bool:
    """Whether the live object says all that is wanted, and nothing that must not be there."""
    return contains(dict(live), applied(wanted)) and removals(wanted, live) is None


def _kept(value: JsonValue) -> JsonValue:
    return applied(value) if isinstance(value, dict) else value


def _removals(wanted: dict[str, JsonValue], live: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(live, dict):
        return {}
    found: dict[str, JsonValue] = {}
    for name, value in wanted.items():
        if value is None and name in live:
            found[name] = None
        elif isinstance(value, dict) and (inner := _removals(value, live.get(name))):
            found[name] = inner
    return found
