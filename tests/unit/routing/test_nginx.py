"""ingress-nginx: the copy of the user's Ingress and its annotations."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, texts_at
from activities.routing.nginx import NGINX, NginxRouter
from activities.routing.removals import removals
from activities.routing.router import Rollout, RouteError
from tests.unit.routing.scenes import (
    WEIGHTED,
    a_rollout,
    ab,
    an_ingress,
    changed,
    live_of,
    routes,
    standing,
)

PREFIX = "nginx.ingress.kubernetes.io"
COPY = Ref("networking.k8s.io/v1", "Ingress", "door-canary", "shop")
INSIDER: JsonValue = {"headers": {"x-canary": {"exact": "insider"}}}
PRESENT: JsonValue = {"headers": {"x-user": {}}}
COOKIE: JsonValue = {"headers": {"cookie": {"exact": "canary"}}}


def a_canary(analysis: JsonValue = WEIGHTED) -> Rollout:
    return a_rollout("nginx", analysis=analysis)


def copied(rollout: Rollout, share: int, *given_: KubeObject) -> KubeObject:
    live = live_of(*(given_ or (an_ingress("web", "other"),)))
    return standing(NGINX.wanted(rollout, routes(share), live), live)[COPY]


def rule(copy: KubeObject) -> Mapping[str, str]:
    found = texts_at(copy, "metadata", "annotations")
    return {name.removeprefix(f"{PREFIX}/"): text for name, text in found.items()
            if name.startswith(f"{PREFIX}/canary")}  # fmt: skip


def test_the_copy_leads_to_the_canary_wherever_the_original_leads_to_the_apex() -> None:
    original = an_ingress("web", "other")

    copy = copied(a_canary(), 10, original)

    spec = map_at(original, "spec")
    expected = changed(
        {"spec": spec}, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "name",
        to="web-canary",
    )  # fmt: skip
    assert copy["spec"] == expected["spec"], "rules without paths are copied as they are"
    assert map_at(copy, "metadata", "labels") == {"team": "shop"}


def test_the_copy_leads_every_path_to_the_canary() -> None:
    copy = copied(a_canary(), 10, an_ingress("web", "web"))

    paths = [path for path in str(copy["spec"]).split("'service'") if "web-canary" in path]
    assert len(paths) == 2


def test_a_default_backend_is_led_to_the_canary_too() -> None:
    original = changed(an_ingress("other"), "spec", "defaultBackend",
                       to={"service": {"name": "web", "port": {"number": 80}}})  # fmt: skip

    backend = map_at(copied(a_canary(), 10, original), "spec", "defaultBackend", "service")

    assert backend == {"name": "web-canary", "port": {"number": 80}}


def test_an_ingress_that_does_not_lead_to_the_apex_is_refused() -> None:
    with pytest.raises(RouteError, match="no path to Service web"):
        copied(a_canary(), 10, an_ingress("other"))


def test_a_weight_is_an_annotation_and_zero_keeps_the_copy() -> None:
    assert rule(copied(a_canary(), 35)) == {"canary": "true", "canary-weight": "35"}
    assert rule(copied(a_canary(), 0)) == {"canary": "true", "canary-weight": "0"}


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ([INSIDER], {"canary-by-header": "x-canary", "canary-by-header-value": "insider"}),
        ([COOKIE], {"canary-by-cookie": "canary"}),
        ([INSIDER, COOKIE], {"canary-by-header": "x-canary", "canary-by-header-value": "insider",
                             "canary-by-cookie": "canary"}),
        ([{"headers": {"x-user": {"regex": "^b.*"}}}],
         {"canary-by-header": "x-user", "canary-by-header-pattern": "^b.*"}),
        ([PRESENT],
         {"canary-by-header": "x-user", "canary-by-header-pattern": ".*"}),
    ],
)  # fmt: skip
def test_an_ab_test_goes_by_header_by_cookie_or_by_both(
    match: list[JsonValue], expected: Mapping[str, str]
) -> None:
    rollout = a_canary(ab(*match))

    on, off = copied(rollout, 100), copied(rollout, 0)

    assert rule(on) == {"canary": "true", "canary-weight": "0", **expected}
    assert rule(off) == {"canary": "true", "canary-weight": "0"}
    assert NGINX.routes_of(rollout, {COPY: on}) == routes(100)
    assert NGINX.routes_of(rollout, {COPY: off}) == routes(0)


def test_on_the_way_back_matched_users_stay_until_the_last_step() -> None:
    rollout = a_canary(ab(INSIDER))

    assert copied(rollout, 40) == copied(rollout, 100)


@pytest.mark.parametrize(
    "match",
    [
        [{"headers": {"cookie": {"regex": "^canary=always$"}}}],
        [COOKIE, {"headers": {"cookie": {"exact": "second"}}}],
        [INSIDER, {"headers": {"x-canary": {"exact": "second"}}}],
    ],
)
def test_what_nginx_would_keep_by_chance_or_not_at_all_is_refused(match: list[JsonValue]) -> None:
    with pytest.raises(RouteError, match="nginx"):
        copied(a_canary(ab(*match)), 100)


def test_a_match_that_cannot_be_written_does_not_hold_up_a_restore() -> None:
    rollout = a_canary(ab(COOKIE, {"headers": {"cookie": {"exact": "second"}}}))

    assert rule(copied(rollout, 0)) == {"canary": "true", "canary-weight": "0"}


def test_annotations_of_the_original_are_kept_in_step_but_not_its_canary_ones() -> None:
    before = an_ingress("web", annotations={
        f"{PREFIX}/ssl-redirect": "false", f"{PREFIX}/canary-by-header": "mine",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "argocd.argoproj.io/tracking-id": "x", "gone": "soon",
    })  # fmt: skip
    after = an_ingress("web", annotations={f"{PREFIX}/ssl-redirect": "true"})
    first = copied(a_canary(), 10, before)

    second = NGINX.wanted(a_canary(), routes(10), live_of(after, first)).objects[0]

    texts = texts_at(first, "metadata", "annotations")
    assert texts[f"{PREFIX}/ssl-redirect"] == "false"
    assert texts["gone"] == "soon"
    assert not {name for name in texts if "last-applied" in name or "argocd" in name}
    assert rule(first) == {"canary": "true", "canary-weight": "10"}
    texts = texts_at(second, "metadata", "annotations")
    assert texts[f"{PREFIX}/ssl-redirect"] == "true"
    assert "gone" not in texts


@given(st.sampled_from(["canary-by-header", "canary-by-cookie", "canary-weight-total"]))
def test_a_stray_rule_is_drift_and_taken_away(name: str) -> None:
    rollout, annotation = a_canary(), f"{PREFIX}/{name}"
    drifted = changed(copied(rollout, 10), "metadata", "annotations", annotation, to="1000")
    live = live_of(an_ingress("web"), drifted)

    wanted = NGINX.wanted(rollout, routes(10), live)

    assert NGINX.routes_of(rollout, live) is None
    assert removals(wanted.objects[0], drifted) == {"metadata": {"annotations": {annotation: None}}}
    assert NGINX.routes_of(rollout, standing(wanted, live)) == routes(10)


@pytest.mark.parametrize(("name", "text"), [("canary", "false"), ("canary-weight", "many")])
def test_what_serinus_would_not_write_is_no_route(name: str, text: str) -> None:
    drifted = changed(
        copied(a_canary(), 10), "metadata", "annotations", f"{PREFIX}/{name}", to=text
    )

    assert NGINX.routes_of(a_canary(), {COPY: drifted}) is None


def test_annotations_have_the_prefix_that_the_controller_reads() -> None:
    live, router = live_of(an_ingress("web")), NginxRouter("custom.io")

    made = standing(router.wanted(a_canary(), routes(20), live), live)

    assert texts_at(made[COPY], "metadata", "annotations")["custom.io/canary-weight"] == "20"
    assert router.routes_of(a_canary(), made) == routes(20)
