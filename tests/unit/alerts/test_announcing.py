"""Whom a plan tells: AlertProviders and policies as routes, event hooks, Flagger's facts."""

from collections.abc import Mapping

import pytest

from tests.builders import a_hook, a_plan
from workflows.errors import ManifestError
from workflows.model.alert import AlertRoute, Channel, Severity
from workflows.model.alert_provider import AlertProvider
from workflows.model.canary import Canary
from workflows.model.hook import HookType
from workflows.model.manifest import parse
from workflows.model.measurement import SecretRef
from workflows.model.policy import EffectivePolicy, RolloutPolicy, effective
from workflows.telling.announcing import Providers, announced, missing, named_providers

WEIGHTS = {"stepWeights": [10, 50]}


def a_canary(*alerts: dict[str, object], **shape: object) -> Canary:
    found = parse(
        {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "Canary",
            "metadata": {"name": "shop", "namespace": "home"},
            "spec": {
                "provider": "istio",
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "progressDeadlineSeconds": 60,
                "service": {"port": 80},
                "analysis": {"interval": "10s", "threshold": 5, "alerts": list(alerts),
                             **(shape or WEIGHTS)},
            },
        }
    )  # fmt: skip
    assert isinstance(found, Canary)
    return found


def a_provider(namespace: str = "home", **spec: object) -> AlertProvider:
    found = parse(
        {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "AlertProvider",
            "metadata": {"name": "chat", "namespace": namespace},
            "spec": {"type": "slack", "address": "http://127.0.0.1:9/", **spec},
        }
    )
    assert isinstance(found, AlertProvider)
    return found


def a_policy(*alerts: Mapping[str, object]) -> EffectivePolicy:
    found = parse(
        {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "RolloutPolicy",
            "metadata": {"name": "tells", "namespace": "home"},
            "spec": {"alerts": list(alerts)},
        }
    )
    assert isinstance(found, RolloutPolicy)
    return effective(a_canary(), [found])


def routes(
    canary: Canary, providers: Providers, policy: EffectivePolicy | None = None
) -> tuple[AlertRoute, ...]:
    return announced(a_plan(10), canary, policy or EffectivePolicy(), providers).alerts


def named(name: str = "chat", **more: object) -> dict[str, object]:
    return {"name": "tell", "providerRef": {"name": name, **more}}


def test_a_provider_is_looked_for_beside_the_canary_unless_it_says_where() -> None:
    canary = a_canary(named(), named(namespace="ops"), named())
    assert list(named_providers(canary)) == [("home", "chat"), ("ops", "chat")]
    here, there, _ = routes(
        canary,
        {
            "home/chat": a_provider(secretRef={"name": "s"}),
            "ops/chat": a_provider("ops", secretRef={"name": "s"}),
        },
    )
    assert here.secret == SecretRef(namespace="home", name="s")
    assert there.secret == SecretRef(namespace="ops", name="s")


def test_unset_severity_means_info_and_flaggers_defaults_hold() -> None:
    (route,) = routes(a_canary(named()), {"home/chat": a_provider()})
    assert route == AlertRoute(
        name="tell", kind=Channel.SLACK, severity=Severity.INFO, address="http://127.0.0.1:9/",
        channel="general", username="flagger",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("route", "taken"),
    [
        (Severity.INFO, {Severity.INFO, Severity.WARN, Severity.ERROR}),
        (Severity.WARN, {Severity.WARN, Severity.ERROR}),
        (Severity.ERROR, {Severity.ERROR}),
    ],
)
def test_a_route_gets_its_severity_and_above(route: Severity, taken: set[Severity]) -> None:
    assert {severity for severity in Severity if severity.reaches(route)} == taken


def test_a_missing_provider_stops_no_release_and_is_not_silent() -> None:
    (route,) = routes(a_canary(named("gone")), {})
    assert route.problem == missing("home", "gone")
    (route,) = routes(a_canary(named()), {"home/chat": "the cluster has no such kind"})
    assert route.problem == "the cluster has no such kind"


def test_a_policy_adds_receivers() -> None:
    mail = {"name": "mail", "type": "email", "address": "smtp://a/?to=ana@example.com"}
    pager = {"name": "pager", "type": "pagerduty", "severity": "error", "secretRef": {"name": "p"}}
    policy = a_policy(mail, pager)
    chat, first, second = routes(a_canary(named()), {"home/chat": a_provider()}, policy)
    assert chat.kind is Channel.SLACK
    assert (first.kind, first.severity) == (Channel.EMAIL, Severity.INFO)
    assert (second.severity, second.secret) == (
        Severity.ERROR, SecretRef(namespace="home", name="p")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("alert", "path"),
    [
        ({"type": "slack"}, "alerts[0]"),
        ({"type": "pager"}, "alerts[0].type"),
        ({"type": "pagerduty", "address": "http://a/"}, "alerts[0].secretRef"),
        ({"type": "email", "address": "http://a/"}, "alerts[0].address"),
        ({"type": "email", "address": "smtp://a/"}, "alerts[0].address"),
        ({"type": "email", "address": "smtp://u:p@a/?to=b"}, "alerts[0].address"),
        ({"type": "webhook", "address": "smtp://a/?to=b"}, "alerts[0].address"),
        ({"type": "email", "address": "smtp://a/?to=b", "proxy": "http://a/"}, "alerts[0].proxy"),
        ({"type": "slack", "address": "http://a/", "severity": "fatal"}, "alerts[0].severity"),
        ({"type": "slack", "address": "http://a/", "token": "x"}, "alerts[0].token"),
    ],
)
def test_a_receiver_that_could_not_be_told_is_refused(alert: dict[str, object], path: str) -> None:
    with pytest.raises(ManifestError) as caught:
        a_policy({"name": "a", **alert})
    assert [problem.path for problem in caught.value.problems] == [f"spec.{path}"]


@pytest.mark.parametrize(
    ("shape", "routing"),
    [
        ({"stepWeights": [10, 50]}, "Weight steps: 10,50 max: 50"),
        ({"stepWeight": 5, "maxWeight": 50}, "Weight step: 5 max: 50"),
        ({"iterations": 3}, "Blue/Green"),
        ({"iterations": 3, "match": [{"headers": {"a": {"exact": "b"}}}]}, "A/B Testing"),
    ],
)
def test_facts_are_flaggers(shape: dict[str, object], routing: str) -> None:
    plan = announced(a_plan(10), a_canary(**shape), EffectivePolicy(), {})
    assert [(fact.name, fact.value) for fact in plan.facts] == [
        ("Target", "Deployment/web.home"),
        ("Failed checks threshold", "5"),
        ("Progress deadline", "60s"),
        ("Traffic routing", routing),
    ]


def test_the_event_webhook_of_all_gives_way_to_the_canarys_own() -> None:
    canary, default = a_canary(), EffectivePolicy()
    (hook,) = announced(a_plan(10), canary, default, {}, "http://127.0.0.1:9/e").event_hooks
    assert (hook.name, hook.type, hook.url) == ("events", HookType.EVENT, "http://127.0.0.1:9/e")
    own = a_plan(10).model_copy(update={"event_hooks": (a_hook("own", HookType.EVENT),)})
    (hook,) = announced(own, canary, default, {}, "http://127.0.0.1:9/e").event_hooks
    assert hook.name == "own"
    assert announced(a_plan(10), None, default, {}, "").event_hooks == ()
