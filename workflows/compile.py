"""Manifest in, plan out: pure, and done once for a run, so that the plan stands in its history.

Called by the `planning.prepare` activity and by `serinus plan`. Which steps a strategy has is
said in `workflows.steps`, how long they take in `workflows.expectation`.
"""

import json
from collections.abc import Iterator
from hashlib import sha256

from pydantic import Field, FiniteFloat

from workflows import steps
from workflows.checks import checks_of, success_rate_wanted
from workflows.errors import ManifestError
from workflows.expectation import NO_WAIT, Ramp, expected
from workflows.gating import with_gates
from workflows.model.canary import Canary
from workflows.model.fitness import unfit
from workflows.model.hook import HookType
from workflows.model.live import GuardRule
from workflows.model.metric_template import MetricTemplate
from workflows.model.plan import (
    Analysis,
    Expectation,
    Plan,
    PlanKind,
    Step,
    Traffic,
    UndoHook,
)
from workflows.model.policy import EffectivePolicy
from workflows.model.problem import Problem, nearest
from workflows.model.process import Process
from workflows.model.provider import Provider
from workflows.model.requests import Action
from workflows.model.value import Value
from workflows.reading import guard_of, recipe_of, traffic_of

AUTHOR = "serinus.dev/author"
"""The annotation of a target that says who made its last change."""
DEADLINE = 600.0
"""Seconds until a target without a Canary must be ready; Flagger's default."""


class Bundle(Value):
    """Everything a plan follows from. Without a Canary, a Process is released plainly."""

    canary: Canary | None = None
    process: Process | None = None
    templates: tuple[MetricTemplate, ...] = ()
    policy: EffectivePolicy = EffectivePolicy()
    revision: str
    promoted_revision: str | None = None
    action: Action = Action.RELEASE
    interval_floor: FiniteFloat = Field(default=1.0, gt=0)
    """Seconds; 1 on the local platform, 10 on Kubernetes, unless the policy says otherwise."""
    default_provider: Provider = Provider.ISTIO
    """For a Canary that names none."""
    author: str = ""
    """Who made the change, where the target's annotation says so."""


def compile_plan(bundle: Bundle) -> Plan:
    """The plan that this bundle asks for; ManifestError if it cannot be made."""
    if bundle.canary is not None:
        return _canary_plan(bundle, bundle.canary)
    if bundle.process is not None:
        return _process_plan(bundle, bundle.process)
    problem = Problem(path="", message="there is neither a Canary nor a Process to plan for")
    raise ManifestError((problem,))


def _canary_plan(bundle: Bundle, canary: Canary) -> Plan:
    spec = canary.spec
    provider = _provider(bundle, canary)
    kind = _kind(bundle, suspended=spec.suspend)
    recipe = recipe_of(canary, provider)
    analysis = _analysis(bundle, canary, provider, recipe)
    planned = _gated(bundle, kind, recipe, analysed=not spec.skip_analysis)
    judged = kind is PlanKind.RELEASE and not spec.skip_analysis
    return Plan(
        kind=kind,
        strategy=recipe.strategy,
        revision=bundle.revision,
        promoted_revision=bundle.promoted_revision,
        checksum=_digest(bundle.revision, spec.model_dump_json()),
        steps=planned,
        traffic=traffic_of(canary, provider),
        analysis=analysis,
        post_hooks=recipe.of(HookType.POST_ROLLOUT),
        event_hooks=recipe.of(HookType.EVENT),
        author=_author(bundle),
        undo=_undo(bundle, planned, analysed=judged) if kind is PlanKind.RELEASE else (),
        supersede=bundle.policy.supersede,
        policy=bundle.policy.source,
        expectation=_expectation(canary, planned, analysis) if judged else NO_WAIT,
    )


def _process_plan(bundle: Bundle, process: Process) -> Plan:
    kind = _kind(bundle, suspended=False)
    planned = _steps(bundle, kind, steps.Recipe(deadline=DEADLINE), analysed=False)
    return Plan(
        kind=kind,
        revision=bundle.revision,
        promoted_revision=bundle.promoted_revision,
        checksum=_digest(bundle.revision, process.spec.model_dump_json()),
        steps=planned,
        traffic=Traffic(provider=Provider.LOCAL, service=process.metadata.name),
        analysis=Analysis(interval=_floor(bundle), threshold=1, guard=GuardRule(enabled=False)),
        supersede=bundle.policy.supersede,
        policy=bundle.policy.source,
        expectation=NO_WAIT,
    )


def _kind(bundle: Bundle, *, suspended: bool) -> PlanKind:
    """A deleted manifest is reverted even while suspended, as in Flagger."""
    if bundle.action is Action.REVERT:
        return PlanKind.REVERT
    if suspended:
        return PlanKind.SUSPENDED
    if bundle.promoted_revision is None:
        return PlanKind.INITIALISE
    return PlanKind.UNCHANGED if bundle.revision == bundle.promoted_revision else PlanKind.RELEASE


def _steps(
    bundle: Bundle, kind: PlanKind, recipe: steps.Recipe, *, analysed: bool
) -> tuple[Step, ...]:
    match kind:
        case PlanKind.REVERT:
            return steps.revert(adopted=bundle.promoted_revision is not None)
        case PlanKind.INITIALISE:
            return steps.initialise(recipe.deadline)
        case PlanKind.SUSPENDED | PlanKind.UNCHANGED:
            return ()
        case PlanKind.RELEASE if bundle.canary is None:
            return steps.plain_release(recipe)
        case PlanKind.RELEASE if analysed:
            return steps.analysed_release(recipe)
        case PlanKind.RELEASE:
            return steps.unanalysed_release(recipe)


def _gated(
    bundle: Bundle, kind: PlanKind, recipe: steps.Recipe, *, analysed: bool
) -> tuple[Step, ...]:
    """The steps with the gates of the policy; a release alone is asked about."""
    planned = _steps(bundle, kind, recipe, analysed=analysed)
    if kind is not PlanKind.RELEASE or not bundle.policy.gates:
        return planned
    whole = _steps(bundle, kind, recipe, analysed=True)
    where = f"RolloutPolicy {bundle.policy.source}"
    return with_gates(planned, whole, bundle.policy.gates, where)


def _author(bundle: Bundle) -> str:
    """Who made the change, where the target says so in an annotation."""
    annotated = bundle.process.metadata.annotations if bundle.process is not None else {}
    return bundle.author or annotated.get(AUTHOR, "")


def _provider(bundle: Bundle, canary: Canary) -> Provider:
    """A default provider was not known when the manifest was read, so its fitness is asked now."""
    provider = canary.spec.provider_or(bundle.default_provider)
    where = f"Canary {canary.key}"
    problems = tuple(
        problem.under("spec").model_copy(update={"where": where})
        for problem in unfit(canary.spec, provider)
    )
    if problems:
        raise ManifestError(problems)
    return provider


def _analysis(bundle: Bundle, canary: Canary, provider: Provider, recipe: steps.Recipe) -> Analysis:
    spec = canary.spec.analysis
    return Analysis(
        interval=max(_floor(bundle), spec.interval.total_seconds()),
        threshold=spec.threshold,
        checks=checks_of(canary, provider, bundle.templates),
        hooks=recipe.of(HookType.ROLLOUT),
        rollback_hooks=recipe.of(HookType.ROLLBACK),
        no_data=bundle.policy.no_data,
        guard=guard_of(bundle.policy.guard, success_rate_wanted(canary)),
    )


def _floor(bundle: Bundle) -> float:
    chosen = bundle.policy.min_interval
    return bundle.interval_floor if chosen is None else chosen.total_seconds()


def _undo(bundle: Bundle, planned: tuple[Step, ...], *, analysed: bool) -> tuple[UndoHook, ...]:
    """Without analysis a release is shorter: hooks tied to steps it lacks are not owed."""
    names = [step.name for step in planned]
    problems = tuple(_unknown_steps(bundle.policy, names)) if analysed else ()
    if problems:
        raise ManifestError(problems)
    return tuple(
        UndoHook(
            name=undo.name,
            after=undo.after,
            url=undo.url,
            timeout=undo.timeout.total_seconds(),
            metadata=undo.metadata,
        )
        for undo in bundle.policy.undo
        if undo.after in names
    )


def _unknown_steps(policy: EffectivePolicy, names: list[str]) -> Iterator[Problem]:
    for at, undo in enumerate(policy.undo):
        if undo.after not in names:
            yield Problem(
                path=f"spec.undo[{at}].after",
                message="names no step of this plan",
                value=undo.after,
                allowed=", ".join(names),
                did_you_mean=nearest(undo.after, names),
                where=f"RolloutPolicy {policy.source}",
            )


def _expectation(canary: Canary, planned: tuple[Step, ...], analysis: Analysis) -> Expectation:
    spec = canary.spec.analysis
    ramp = Ramp(step_weight=spec.step_weight or 0, max_weight=spec.max_weight)
    return expected(planned, ramp, analysis.interval, analysis.threshold)


def _digest(*parts: str) -> str:
    """An opaque id of what is rolled out, for the payload of hooks."""
    return sha256(json.dumps(parts).encode()).hexdigest()[:16]
