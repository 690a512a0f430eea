"""Built-in checks as PromQL: whom they are about, before any Prometheus is asked."""

import re

import pytest

from workflows.model.check_spec import BUILT_IN, DURATION, SUCCESS_RATE
from workflows.model.provider import Provider
from workflows.model.target import TargetKind
from workflows.queries.registry import FAMILIES, built_in
from workflows.queries.subject import Subject, latest_revision, wants_revision_of, with_revision


def a_subject(kind: TargetKind = TargetKind.DEPLOYMENT, target: str = "shop") -> Subject:
    return Subject(
        namespace="test",
        target=target,
        kind=kind,
        service="front",
        ingress="edge",
        route="road",
        window="1m",
    )


def query(check: str, provider: Provider, subject: Subject) -> str:
    text = built_in(check, provider, subject)
    assert text is not None
    return text


@pytest.mark.parametrize(
    ("kind", "pod", "ours"),
    [
        (TargetKind.DEPLOYMENT, "shop-6bf9f9b4b4-x2x9v", True),
        (TargetKind.DEPLOYMENT, "shop-primary-6bf9f9b4b4-x2x9v", False),
        (TargetKind.DEPLOYMENT, "shop-front-6bf9f9b4b4-x2x9v", False),
        (TargetKind.DEPLOYMENT, "shop-primary-x2x9v", False),
        (TargetKind.DAEMON_SET, "shop-x2x9v", True),
        (TargetKind.DAEMON_SET, "shop-primary-x2x9v", False),
        (TargetKind.DAEMON_SET, "shop-6bf9f9b4b4-x2x9v", False),
    ],
)
def test_pods_are_the_target_s_and_never_the_primary_s(
    kind: TargetKind, pod: str, *, ours: bool
) -> None:
    assert bool(re.fullmatch(a_subject(kind).pods, pod)) is ours


def test_a_dot_in_a_name_is_only_a_dot() -> None:
    assert not re.fullmatch(a_subject(target="a.b").pods, "axb-6bf9f9b4b4-x2x9v")


def test_every_provider_but_local_has_both_built_ins() -> None:
    assert set(Provider) - set(FAMILIES) == {Provider.LOCAL}
    for provider in FAMILIES:
        for check in BUILT_IN:
            assert "[1m]" in query(check, provider, a_subject())


@pytest.mark.parametrize("provider", [Provider.TRAEFIK, Provider.GLOO, Provider.KUMA,
                                      Provider.APISIX])  # fmt: skip
def test_routers_that_name_things_after_the_service_are_asked_by_the_service(
    provider: Provider,
) -> None:
    text = query(SUCCESS_RATE, provider, a_subject())
    assert "front-canary" in text
    assert "shop" not in text


@pytest.mark.parametrize("provider", sorted(set(FAMILIES) - {Provider.OSM}))
def test_a_core_service_target_is_asked_by_its_canary_or_as_the_router_names_it(
    provider: Provider,
) -> None:
    for check in BUILT_IN:
        assert '"shop"' not in query(check, provider, a_subject(TargetKind.SERVICE))


def test_osm_cannot_say_anything_about_a_core_service() -> None:
    assert built_in(DURATION, Provider.OSM, a_subject(TargetKind.SERVICE)) is None


def test_a_name_that_only_the_cluster_knows_is_put_in_later() -> None:
    text = f'envoy_cluster_name="test/{latest_revision("shop")}"'
    assert wants_revision_of(text) == "shop"
    assert with_revision(text, "shop-00002") == 'envoy_cluster_name="test/shop-00002"'
    assert wants_revision_of("up") is None
