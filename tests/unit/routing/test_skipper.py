"""Skipper: the copy of the user's Ingress that leads to both Services."""

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, maps_at, texts_at
from activities.routing.router import RouteError
from activities.routing.skipper import SKIPPER
from tests.unit.routing.scenes import (
    a_rollout,
    an_ingress,
    changed,
    live_of,
    routes,
    standing,
)

COPY = Ref("networking.k8s.io/v1", "Ingress", "door-canary", "shop")
PREDICATE, WEIGHTS = "zalando.org/skipper-predicate", "zalando.org/backend-weights"
ROLLOUT = a_rollout("skipper")


def copied(share: int, original: KubeObject) -> KubeObject:
    live = live_of(original)
    return standing(SKIPPER.wanted(ROLLOUT, routes(share), live), live)[COPY]


def annotation(copy: KubeObject, name: str) -> str:
    return texts_at(copy, "metadata", "annotations")[name]


def test_each_path_to_the_apex_leads_to_both_services() -> None:
    rules = maps_at(copied(30, an_ingress("web", "other")), "spec", "rules")

    paths = maps_at(rules[0], "http", "paths")
    assert [(path["path"], path["backend"]["service"]["name"])  # type: ignore[index,call-overload]
            for path in paths] == [
        ("/web", "web-primary"), ("/other", "other"), ("/web", "web-canary"),
    ]  # fmt: skip
    assert rules[1] == {"host": "bare.example.com"}


def test_weights_are_json_and_the_copy_wins_only_while_the_canary_has_users() -> None:
    on, off = copied(30, an_ingress("web")), copied(0, an_ingress("web"))

    assert annotation(on, WEIGHTS) == '{"web-canary":30,"web-primary":70}'
    assert annotation(on, PREDICATE) == "Weight(100)"
    assert annotation(off, PREDICATE) == "False()"


def test_predicates_of_the_user_stay_behind_ours() -> None:
    original = an_ingress("web", annotations={PREDICATE: 'Host(/a/) && Header("a", "b")'})

    copy = copied(30, original)

    assert annotation(copy, PREDICATE) == 'Weight(100) && Host(/a/) && Header("a", "b")'
    alone = SKIPPER.wanted(ROLLOUT, routes(0), {COPY: copy}).objects[0]
    assert annotation(alone, PREDICATE) == 'False() && Host(/a/) && Header("a", "b")'


def test_an_ingress_without_annotations_is_copied() -> None:
    original = changed(an_ingress("web"), "metadata", to={"name": "door", "namespace": "shop"})

    assert annotation(copied(0, original), PREDICATE) == "False()"


def test_an_ingress_that_does_not_lead_to_the_apex_is_refused() -> None:
    with pytest.raises(RouteError, match="no path to Service web"):
        copied(30, an_ingress("other"))


@pytest.mark.parametrize(
    ("name", "text"),
    [(PREDICATE, "False()"), (PREDICATE, ""), (WEIGHTS, "{}"), (WEIGHTS, "half"), (WEIGHTS, "[1]"),
     (WEIGHTS, '{"web-primary":70,"web-canary":"30"}')],
)  # fmt: skip
def test_what_serinus_would_not_write_is_no_route(name: str, text: JsonValue) -> None:
    drifted = changed(copied(30, an_ingress("web")), "metadata", "annotations", name, to=text)

    assert SKIPPER.routes_of(ROLLOUT, {COPY: drifted}) is None
