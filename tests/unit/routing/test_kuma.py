"""TrafficRoute: names that must not clash where there are no namespaces."""

from activities.kube.objects import Ref, map_at, ref_of, texts_at
from activities.routing.kuma import KUMA
from tests.unit.routing.scenes import a_rollout, annotated, changed, live_of, routes, standing

PLAIN, OURS = (Ref("kuma.io/v1alpha1", "TrafficRoute", name) for name in ("web", "shop-web"))
ROLLOUT = a_rollout("kuma")


def test_a_new_route_has_its_namespace_in_its_name_and_no_owner() -> None:
    wanted = KUMA.wanted(ROLLOUT, routes(30), {})

    [made] = wanted.objects
    assert not wanted.owned
    assert ref_of(made) == OURS
    assert made["mesh"] == "default"
    assert made["spec"] == {
        "sources": [{"match": {"kuma.io/service": "*"}}],
        "destinations": [{"match": {"kuma.io/service": "web_shop_svc_80"}}],
        "conf": {"split": [
            {"weight": 70, "destination": {"kuma.io/service": "web-primary_shop_svc_80"}},
            {"weight": 30, "destination": {"kuma.io/service": "web-canary_shop_svc_80"}},
        ]},
    }  # fmt: skip
    assert texts_at(made, "metadata", "annotations")["80.service.kuma.io"] == "http"


def test_the_mesh_is_the_one_the_canary_names() -> None:
    rollout = annotated(ROLLOUT, kuma__io="x")
    rollout = annotated(rollout, **{"kuma.io__mesh": "second"})

    assert KUMA.wanted(rollout, routes(0), {}).objects[0]["mesh"] == "second"


def test_flaggers_route_keeps_its_name_if_it_leads_to_our_service() -> None:
    [made] = KUMA.wanted(ROLLOUT, routes(40), {}).objects
    theirs = changed(made, "metadata", "name", to="web")

    assert KUMA.routes_of(ROLLOUT, live_of(theirs)) == routes(40)
    [kept] = KUMA.wanted(ROLLOUT, routes(50), live_of(theirs)).objects
    assert ref_of(kept) == PLAIN


def test_a_canary_of_the_same_name_elsewhere_is_not_touched() -> None:
    elsewhere = a_rollout("kuma", namespace="other")
    [made] = KUMA.wanted(elsewhere, routes(40), {}).objects
    flaggers = changed(made, "metadata", "name", to="web")

    both = standing(KUMA.wanted(ROLLOUT, routes(10), live_of(flaggers)), live_of(flaggers))

    assert KUMA.routes_of(ROLLOUT, live_of(flaggers)) is None
    assert KUMA.routes_of(ROLLOUT, both) == routes(10)
    assert KUMA.routes_of(elsewhere, both) == routes(40)
    assert KUMA.undone(ROLLOUT, both).absent == (OURS,)
    assert KUMA.undone(elsewhere, both).absent == (PLAIN,)
    assert map_at(both[PLAIN], "spec") == map_at(flaggers, "spec")
