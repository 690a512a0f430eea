"""The metrics of a manifest as checks: every query rendered, every limit a threshold.

Called by `workflows.compile`. Built-in and inline queries come before templates, as Flagger asks
them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from workflows.errors import ManifestError
from workflows.gotemplate import TemplateContext, TemplateError, render
from workflows.model.canary import Canary
from workflows.model.check_spec import SUCCESS_RATE, Metric
from workflows.model.measurement import MetricQuery, SecretRef, Threshold
from workflows.model.metric_template import MetricProvider, MetricTemplate
from workflows.model.plan import Check
from workflows.model.problem import Problem, nearest
from workflows.model.provider import Provider
from workflows.model.quantity import format_duration
from workflows.queries.registry import built_in
from workflows.queries.subject import Subject, latest_revision


class Rendered(NamedTuple):
    """A metric at its place in the manifest, and what its templates may speak of."""

    path: str
    metric: Metric
    context: TemplateContext


def checks_of(
    canary: Canary, provider: Provider, templates: Sequence[MetricTemplate]
) -> tuple[Check, ...]:
    """Every check of the analysis; ManifestError names a missing or unreadable template."""
    metrics = tuple(_with_context(canary))
    return (*_direct(metrics, canary, provider), *_templated(metrics, canary, templates))


def success_rate_wanted(canary: Canary) -> float | None:
    """The success rate, in percent, that the manifest demands; 0 demands nothing."""
    for metric in canary.spec.analysis.metrics:
        wanted = metric.limits.min if metric.name == SUCCESS_RATE else None
        if wanted is not None and wanted > 0:
            return min(wanted, 100.0)
    return None


def _with_context(canary: Canary) -> Iterator[Rendered]:
    spec = canary.spec
    target = spec.target_ref.name
    route = spec.route_ref.name if spec.route_ref else target
    for at, metric in enumerate(spec.analysis.metrics):
        context = TemplateContext(
            name=canary.metadata.name,
            namespace=canary.metadata.namespace,
            target=target,
            service=spec.service_name,
            ingress=spec.ingress_ref.name if spec.ingress_ref else target,
            route=latest_revision(target) if spec.target_ref.is_knative else route,
            interval=format_duration(metric.interval),
            variables=metric.template_variables,
        )
        yield Rendered(f"spec.analysis.metrics[{at}]", metric, context)


def _direct(metrics: Iterable[Rendered], canary: Canary, provider: Provider) -> Iterator[Check]:
    for path, metric, context in metrics:
        if metric.is_built_in and provider is Provider.LOCAL:
            yield _check(metric, _query(metric, provider, metric.name, canary))
        elif metric.is_built_in:
            text = _built_in(Rendered(path, metric, context), canary, provider)
            yield _check(metric, _query(metric, MetricProvider.PROMETHEUS, text, canary))
        elif metric.query:
            text = _rendered(metric.query, context, canary, f"{path}.query")
            yield _check(metric, _query(metric, MetricProvider.PROMETHEUS, text, canary))


def _built_in(asked: Rendered, canary: Canary, provider: Provider) -> str:
    metric, context = asked.metric, asked.context
    subject = Subject(
        namespace=context.namespace,
        target=context.target,
        kind=canary.spec.target_ref.kind,
        service=context.service,
        ingress=context.ingress,
        route=context.route,
        window=context.interval,
    )
    if (text := built_in(metric.name, provider, subject)) is not None:
        return text
    problem = Problem(
        path=f"{asked.path}.name",
        message=f"{provider.value} has no series about a {subject.kind} target; use a templateRef",
        value=metric.name,
        where=f"Canary {canary.key}",
    )
    raise ManifestError((problem,))


def _templated(
    metrics: Iterable[Rendered], canary: Canary, templates: Sequence[MetricTemplate]
) -> Iterator[Check]:
    for path, metric, context in metrics:
        if metric.template_ref is not None:
            template = _found(canary, metric, path, templates)
            text = _rendered(template.spec.query, context, template, "spec.query")
            yield _check(metric, _asking(template, metric, text))


def _found(
    canary: Canary, metric: Metric, path: str, templates: Sequence[MetricTemplate]
) -> MetricTemplate:
    reference = metric.template_ref
    name = reference.name if reference else ""
    namespace = (reference.namespace if reference else None) or canary.metadata.namespace
    wanted = f"{namespace}/{name}"
    for template in templates:
        if template.key == wanted:
            return template
    known = [template.key for template in templates]
    problem = Problem(
        path=f"{path}.templateRef",
        message="names a MetricTemplate that is not there",
        value=wanted,
        allowed=", ".join(known),
        did_you_mean=nearest(wanted, known),
        where=f"Canary {canary.key}",
    )
    raise ManifestError((problem,))


def _asking(template: MetricTemplate, metric: Metric, text: str) -> MetricQuery:
    provider = template.spec.provider
    secret = provider.secret_ref
    return MetricQuery(
        check=metric.name,
        provider=provider.type,
        query=text,
        interval=metric.interval.total_seconds(),
        address=provider.address or "",
        headers=provider.headers,
        secret=secret and SecretRef(namespace=template.metadata.namespace, name=secret.name),
        insecure_skip_verify=provider.insecure_skip_verify,
    )


def _query(
    metric: Metric, provider: Provider | MetricProvider, text: str, canary: Canary
) -> MetricQuery:
    """Asked of `metricsServer`; where there is none, of the one that the platform knows."""
    return MetricQuery(
        check=metric.name,
        provider=provider.value,
        query=text,
        interval=metric.interval.total_seconds(),
        address=canary.spec.metrics_server or "",
    )


def _rendered(
    text: str, context: TemplateContext, manifest: Canary | MetricTemplate, path: str
) -> str:
    try:
        return render(text, context)
    except TemplateError as error:
        where = f"{manifest.kind} {manifest.key}"
        problem = Problem(path=path, message=f"cannot be rendered: {error}", where=where)
        raise ManifestError((problem,)) from error


def _check(metric: Metric, query: MetricQuery) -> Check:
    limits = metric.limits
    return Check(metric=query, threshold=Threshold(min=limits.min, max=limits.max))
