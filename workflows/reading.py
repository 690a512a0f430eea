"""What a Canary and its policy say, in the words of a plan.

Called by `workflows.compile`. Nothing is decided here but Flagger's own rule that a provider
without a router tests blue/green.
"""

from workflows.model.canary import KUBERNETES_ITERATIONS, Canary
from workflows.model.check_spec import Webhook
from workflows.model.hook import Hook
from workflows.model.http_match import HttpMatch, TextMatch
from workflows.model.live import GuardRule
from workflows.model.plan import RequestMatch, Strategy, StringMatch, Traffic
from workflows.model.policy import GuardSpec
from workflows.model.provider import Provider
from workflows.steps import Recipe


def recipe_of(canary: Canary, provider: Provider) -> Recipe:
    spec, analysis = canary.spec, canary.spec.analysis
    routed = provider is not Provider.KUBERNETES
    return Recipe(
        strategy=analysis.strategy if routed else Strategy.BLUE_GREEN,
        weights=analysis.weights,
        iterations=analysis.iterations or KUBERNETES_ITERATIONS,
        return_by=analysis.step_weight_promotion,
        mirror=analysis.mirror,
        routed=routed,
        deadline=spec.progress_deadline_seconds,
        canary_ready=analysis.canary_ready_threshold,
        primary_ready=analysis.primary_ready_threshold,
        hooks=tuple(hook_of(webhook) for webhook in analysis.webhooks),
    )


def traffic_of(canary: Canary, provider: Provider) -> Traffic:
    spec = canary.spec
    return Traffic(
        provider=provider,
        service=spec.service_name,
        hosts=spec.service.hosts,
        port=spec.service.port or 80,
        match=tuple(_request_match(match) for match in spec.analysis.match),
        mirror_percent=spec.analysis.mirror_percent,
    )


def _request_match(match: HttpMatch) -> RequestMatch:
    return RequestMatch(
        headers={name: _string_match(text) for name, text in match.headers.items()},
        query_params={name: _string_match(text) for name, text in match.query_params.items()},
        source_labels=match.source_labels,
    )


def _string_match(text: TextMatch) -> StringMatch:
    return StringMatch(exact=text.exact, prefix=text.prefix, suffix=text.suffix, regex=text.regex)


def guard_of(spec: GuardSpec, min_success_rate: float | None) -> GuardRule:
    return GuardRule(
        enabled=spec.enabled,
        min_failures=spec.min_failures,
        min_looks=spec.min_looks,
        p_value=spec.p_value,
        not_ready_after=spec.not_ready_after.total_seconds(),
        min_success_rate=min_success_rate,
    )


def hook_of(webhook: Webhook) -> Hook:
    return Hook(
        name=webhook.name,
        type=webhook.type,
        url=webhook.url,
        timeout=webhook.timeout.total_seconds(),
        retries=webhook.retries,
        disable_tls=webhook.disable_tls,
        mute_alert=webhook.mute_alert,
        metadata=webhook.metadata,
    )
