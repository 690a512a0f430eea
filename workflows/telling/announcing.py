"""Whom a plan tells: the alerts of its Canary and policy as routes, and the event hooks.

Pure; asked by planning on every platform, after the plan is compiled. What cannot be resolved does
not stop a release: its route says why, and its alerts become dead letters that people see.
"""

from collections.abc import Iterable, Iterator, Mapping

from workflows.model.alert import AlertRoute, Channel, Fact, Severity
from workflows.model.alert_provider import AlertProvider
from workflows.model.alert_spec import AlertSpec
from workflows.model.analysis_spec import AnalysisSpec
from workflows.model.canary import Canary
from workflows.model.hook import Hook, HookType
from workflows.model.measurement import SecretRef
from workflows.model.metric_template import SecretName
from workflows.model.plan import Plan
from workflows.model.policy import EffectivePolicy

Providers = Mapping[str, AlertProvider | str]
"""By `namespace/name`; a text says why there is none."""
EVENTS = "events"
"""The name of the event hook that holds for all Canaries; Flagger's."""


def announced(
    plan: Plan,
    canary: Canary | None,
    policy: EffectivePolicy,
    providers: Providers,
    event_webhook: str = "",
) -> Plan:
    """The plan with its receivers; `event_webhook` is for Canaries without an event hook."""
    routes = (*_of_canary(canary, providers), *_of_policy(policy, canary))
    hooks = plan.event_hooks
    if event_webhook and not hooks:
        hooks = (Hook(name=EVENTS, type=HookType.EVENT, url=event_webhook),)
    facts = flaggers_facts(canary) if canary is not None else ()
    return plan.model_copy(update={"alerts": routes, "event_hooks": hooks, "facts": facts})


def named_providers(canary: Canary) -> Iterator[tuple[str, str]]:
    """Namespace and name of each AlertProvider that the Canary names, once."""
    home = canary.metadata.namespace
    refs = (alert.provider_ref for alert in canary.spec.analysis.alerts)
    yield from dict.fromkeys((ref.namespace or home, ref.name) for ref in refs)


def missing(namespace: str, name: str) -> str:
    """Why a provider is not there, and what to do."""
    return f"there is no AlertProvider {namespace}/{name}; apply it, or remove the alert"


def flaggers_facts(canary: Canary) -> tuple[Fact, ...]:
    """What Flagger says of a Canary in alerts with metadata, in its words."""
    spec = canary.spec
    target = spec.target_ref
    facts = [
        Fact(name="Target", value=f"{target.kind}/{target.name}.{canary.metadata.namespace}"),
        Fact(name="Failed checks threshold", value=str(spec.analysis.threshold)),
        Fact(name="Progress deadline", value=f"{spec.progress_deadline_seconds}s"),
    ]
    if routing := _routing(spec.analysis):
        facts.append(Fact(name="Traffic routing", value=routing))
    return tuple(facts)


def _routing(analysis: AnalysisSpec) -> str:
    """Flagger says max 0 where none is set; here it is the weight that counts."""
    if analysis.step_weight:
        return f"Weight step: {analysis.step_weight} max: {analysis.max_weight or 100}"
    if analysis.step_weights:
        steps = ",".join(str(weight) for weight in analysis.step_weights)
        return f"Weight steps: {steps} max: {analysis.step_weights[-1]}"
    if analysis.match:
        return "A/B Testing"
    return "Blue/Green" if analysis.iterations else ""


def _of_canary(canary: Canary | None, providers: Providers) -> Iterator[AlertRoute]:
    if canary is None:
        return
    home = canary.metadata.namespace
    for alert in canary.spec.analysis.alerts:
        namespace, name = alert.provider_ref.namespace or home, alert.provider_ref.name
        found = providers.get(f"{namespace}/{name}", missing(namespace, name))
        severity = Severity(alert.severity)
        if isinstance(found, str):
            yield AlertRoute(
                name=alert.name, kind=Channel.WEBHOOK, severity=severity, problem=found
            )
        else:
            yield _of_provider(alert.name, severity, found)


def _of_provider(name: str, severity: Severity, provider: AlertProvider) -> AlertRoute:
    """Its secret lies beside it."""
    spec = provider.spec
    return AlertRoute(
        name=name,
        kind=Channel(spec.type),
        severity=severity,
        address=spec.address or "",
        secret=_secret(provider.metadata.namespace, spec.secret_ref),
        channel=spec.channel,
        username=spec.username,
        proxy=spec.proxy or "",
    )


def _of_policy(policy: EffectivePolicy, canary: Canary | None) -> Iterable[AlertRoute]:
    """Its secrets lie in the namespace of the policy, which is the Canary's."""
    if canary is None:
        return ()
    return tuple(_of_spec(spec, canary.metadata.namespace) for spec in policy.alerts)


def _of_spec(spec: AlertSpec, namespace: str) -> AlertRoute:
    return AlertRoute(
        name=spec.name,
        kind=spec.type,
        severity=spec.severity,
        address=spec.address or "",
        secret=_secret(namespace, spec.secret_ref),
        channel=spec.channel,
        username=spec.username,
        proxy=spec.proxy or "",
    )


def _secret(namespace: str, named: SecretName | None) -> SecretRef | None:
    return SecretRef(namespace=namespace, name=named.name) if named is not None else None
