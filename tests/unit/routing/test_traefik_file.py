"""Routes into Traefik's configuration and back."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.routing.traefik_file import Dynamic, RouteError, contains, render, routes_of
from workflows.model.plan import ALL_PRIMARY, RequestMatch, Routes, StringMatch, Traffic

PRIMARY = ("http://127.0.0.1:20001", "http://127.0.0.1:20002")
CANARY = ("http://127.0.0.1:20003",)
HOST = 'Host("shop.default.localhost")'


def some_traffic(*match: RequestMatch, hosts: tuple[str, ...] = ()) -> Traffic:
    return Traffic(provider="local", service="shop", match=match, hosts=hosts, mirror_percent=30)


def rules(traffic: Traffic, routes: Routes) -> Mapping[str, str]:
    config = render("default", traffic, routes, PRIMARY, CANARY)
    return {name: router.rule for name, router in config.http.routers.items()}


def matched_rule(match: RequestMatch) -> str:
    rule = rules(some_traffic(match), Routes(primary=0, canary=100))["default-shop-matched"]
    head, _, tail = rule.partition(" && ")
    assert head == f"({HOST})"
    return tail


weights = st.integers(0, 100).map(lambda canary: Routes(primary=100 - canary, canary=canary))
mirrored = weights | weights.map(lambda routes: routes.model_copy(update={"mirrored": True}))
urls = st.lists(st.integers(20_000, 29_999), min_size=1, max_size=5, unique=True).map(
    lambda ports: tuple(f"http://127.0.0.1:{port}" for port in ports)
)
texts = st.builds(StringMatch, exact=st.text()) | st.builds(StringMatch, prefix=st.text())
matches = st.lists(
    st.builds(RequestMatch, headers=st.dictionaries(st.text(min_size=1), texts, min_size=1)),
    max_size=2,
).map(tuple)


@given(routes=mirrored, primary=urls, canary=urls, match=matches)
def test_routes_are_read_back_as_they_were_written(
    routes: Routes, primary: tuple[str, ...], canary: tuple[str, ...],
    match: tuple[RequestMatch, ...],
) -> None:  # fmt: skip
    config = render("default", some_traffic(*match), routes, primary, canary)

    assert routes_of(config) == routes
    assert Dynamic.model_validate(config.plain()) == config


@given(routes=mirrored, primary=urls, canary=urls)
def test_weights_sum_to_a_hundred_and_nobody_is_asked_to_take_none(
    routes: Routes, primary: tuple[str, ...], canary: tuple[str, ...]
) -> None:
    services = render("default", some_traffic(), routes, primary, canary).http.services

    weighted = services["default-shop"].weighted
    assert weighted is not None
    given_weights = [part.weight or 0 for part in weighted.services]
    assert sum(given_weights) == 100
    assert all(weight > 0 for weight in given_weights)


@given(routes=mirrored, match=matches)
def test_every_service_that_is_named_is_there(
    routes: Routes, match: tuple[RequestMatch, ...]
) -> None:
    http = render("default", some_traffic(*match), routes, PRIMARY, CANARY).http

    named = {router.service for router in http.routers.values()}
    for service in http.services.values():
        named |= {part.name for part in service.weighted.services} if service.weighted else set()
        if service.mirroring:
            named |= {service.mirroring.service, *(m.name for m in service.mirroring.mirrors)}
    assert named <= http.services.keys()


def test_the_same_routes_written_twice_can_be_told_apart() -> None:
    config = render("default", some_traffic(), ALL_PRIMARY, PRIMARY)
    one, other = config.stamped("one"), config.stamped("other")

    assert one != other
    assert one.unstamped() == other.unstamped() == config
    assert Dynamic.model_validate(one.plain()) == one


def test_copies_share_a_load_balancer() -> None:
    services = render("default", some_traffic(), ALL_PRIMARY, PRIMARY, CANARY).http.services

    balancer = services["default-shop-primary"].load_balancer
    assert balancer is not None
    assert tuple(server.url for server in balancer.servers) == PRIMARY


def test_a_canary_without_a_share_keeps_its_service_for_its_counters() -> None:
    services = render("default", some_traffic(), ALL_PRIMARY, PRIMARY, CANARY).http.services

    assert "default-shop-canary" in services


def test_a_mirror_gets_its_percentage() -> None:
    routes = Routes(primary=100, canary=0, mirrored=True)
    http = render("default", some_traffic(), routes, PRIMARY, CANARY).http

    mirroring = http.services["default-shop-mirror"].mirroring
    assert mirroring is not None
    assert [(mirror.name, mirror.percent) for mirror in mirroring.mirrors] == [
        ("default-shop-canary", 30)
    ]
    assert http.routers["default-shop"].service == "default-shop-mirror"


def test_tests_reach_the_canary_by_its_name_whatever_hosts_users_have() -> None:
    everywhere = some_traffic(hosts=("*",))
    routers = render("default", everywhere, ALL_PRIMARY, PRIMARY, CANARY).http.routers

    named = routers["default-shop-canary"]
    assert named.rule == 'Host("shop-canary.default.localhost")'
    assert named.service == "default-shop-canary"
    assert named.priority > routers["default-shop"].priority


def test_without_a_canary_there_is_no_way_to_one() -> None:
    http = render("default", some_traffic(), ALL_PRIMARY, PRIMARY).http

    assert (set(http.routers), set(http.services)) == (
        {"default-shop"},
        {"default-shop", "default-shop-primary"},
    )


def test_only_matched_requests_follow_the_routes() -> None:
    match = RequestMatch(headers={"x-beta": StringMatch(exact="yes")})
    http = render(
        "default", some_traffic(match), Routes(primary=0, canary=100), PRIMARY, CANARY
    ).http

    matched, others = http.routers["default-shop-matched"], http.routers["default-shop"]
    assert (matched.service, others.service) == ("default-shop", "default-shop-primary")
    assert matched.priority > others.priority


def test_taking_users_back_needs_no_match() -> None:
    """An expression that the proxy refuses must not hold up a restore."""
    match = RequestMatch(headers={"x-beta": StringMatch(regex="(((")})

    assert rules(some_traffic(match), ALL_PRIMARY).keys().isdisjoint({"default-shop-matched"})


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        (StringMatch(exact="a.b"), 'Header("x", "a.b")'),
        (StringMatch(prefix="a.b"), r'HeaderRegexp("x", "^a\\.b")'),
        (StringMatch(suffix="a.b"), r'HeaderRegexp("x", "a\\.b$")'),
        (StringMatch(regex="a|b"), 'HeaderRegexp("x", "^(?:a|b)$")'),
        (StringMatch(), 'HeaderRegexp("x", ".*")'),
        (StringMatch(exact='say "`hi`"\n'), r'Header("x", "say \"`hi`\"\n")'),
    ],
)
def test_each_way_to_match_a_header(text: StringMatch, matcher: str) -> None:
    assert matched_rule(RequestMatch(headers={"x": text})) == f"({matcher})"


def test_a_cookie_is_the_cookie_header() -> None:
    pattern = r"^(.*?;)?(canary=always)(;.*)?$"
    match = RequestMatch(headers={"cookie": StringMatch(regex=pattern)})

    assert 'HeaderRegexp("cookie", "^(?:^(.*?;)?(canary=always)(;.*)?$)$")' in matched_rule(match)


def test_all_conditions_of_one_match_must_hold() -> None:
    match = RequestMatch(
        headers={"a": StringMatch(exact="1")}, query_params={"b": StringMatch(exact="2")}
    )

    assert matched_rule(match) == '((Header("a", "1")) && (Query("b", "2")))'


def test_any_of_several_matches_is_enough() -> None:
    one = RequestMatch(headers={"a": StringMatch(exact="1")})
    other = RequestMatch(headers={"b": StringMatch(exact="2")})
    rule = rules(some_traffic(one, other), Routes(primary=0, canary=100))["default-shop-matched"]

    assert rule == f'({HOST}) && ((Header("a", "1")) || (Header("b", "2")))'


def test_hosts_of_the_manifest_and_the_local_name_lead_to_the_target() -> None:
    rule = rules(some_traffic(hosts=("shop.example", "*.shop.example", "*")), ALL_PRIMARY)

    assert rule["default-shop"] == (
        f'({HOST}) || (Host("shop.example")) || '
        r'(HostRegexp("^[^.]+\\.shop\\.example$")) || (HostRegexp("^.+$"))'
    )


@pytest.mark.parametrize(
    "routes", [Routes(primary=90, canary=10), Routes(primary=100, canary=0, mirrored=True)]
)
def test_users_are_not_sent_to_a_canary_that_does_not_run(routes: Routes) -> None:
    with pytest.raises(RouteError, match="no canary runs"):
        render("default", some_traffic(), routes, PRIMARY)


def test_routes_that_lead_nowhere_are_refused() -> None:
    with pytest.raises(RouteError, match="neither"):
        render("default", some_traffic(), Routes(primary=0, canary=0), PRIMARY, CANARY)


def test_a_host_that_no_request_can_name_is_refused() -> None:
    with pytest.raises(RouteError, match="punycode"):
        render("default", some_traffic(hosts=("käse.example",)), ALL_PRIMARY, PRIMARY)


@pytest.mark.parametrize(
    ("live", "wanted", "same"),
    [
        ({"a": 1, "more": 2}, {"a": 1}, True),
        ({"a": 2}, {"a": 1}, False),
        ({}, {"a": 1}, False),
        ([{"a": 1, "b": 2}], [{"a": 1}], True),
        ([{"a": 1}, {"a": 1}], [{"a": 1}], False),
        ("text", ["text"], False),
    ],
)
def test_defaults_that_the_proxy_adds_are_no_difference(
    live: object, wanted: object, same: bool
) -> None:
    assert contains(live, wanted) is same
