"""What manifests would do, before anything does it: texts compiled to plans, asking no server.

Used by `serinus plan`, the HTTP API and the page.
"""

from collections.abc import Iterable, Sequence

from activities.manifests import load
from workflows.compile import Bundle, compile_plan
from workflows.errors import ManifestError
from workflows.model.canary import Canary
from workflows.model.manifest import Manifest
from workflows.model.metric_template import MetricTemplate
from workflows.model.plan import Plan
from workflows.model.policy import EffectivePolicy, RolloutPolicy, effective
from workflows.model.problem import Problem
from workflows.model.process import Process, revision
from workflows.model.provider import Provider
from workflows.model.value import Record

NEXT = "(next)"
CURRENT = "(current)"
LOCAL_FLOOR, KUBERNETES_FLOOR = 1.0, 10.0


class Planned(Record):
    """A plan and what it is for, as `namespace/name`."""

    name: str
    plan: Plan


def manifests_of(texts: Iterable[tuple[str, str]]) -> tuple[Manifest, ...]:
    """Every manifest of texts, each with its source.

    ManifestError with all problems of all, or if there is none.
    """
    problems: list[Problem] = []
    manifests: list[Manifest] = []
    for source, text in texts:
        try:
            manifests += load(text, source)
        except ManifestError as error:
            problems += error.problems
    if not problems and not manifests:
        problems.append(Problem(path="", message="there is no manifest"))
    if problems:
        raise ManifestError(problems)
    return tuple(manifests)


def plans_of(manifests: Sequence[Manifest]) -> tuple[Planned, ...]:
    """One plan a Canary, and one a Process that no Canary points at."""
    canaries = [each for each in manifests if isinstance(each, Canary)]
    processes = {each.key: each for each in manifests if isinstance(each, Process)}
    targeted = {_target(canary) for canary in canaries}
    plans = [
        Planned(name=canary.key, plan=_planned(manifests, canary, processes.get(_target(canary))))
        for canary in canaries
    ]
    plans += [
        Planned(name=key, plan=_planned(manifests, None, process))
        for key, process in processes.items()
        if key not in targeted
    ]
    if not plans:
        message = "there is neither a Canary nor a Process to plan for"
        raise ManifestError((Problem(path="", message=message),))
    return tuple(plans)


def _planned(manifests: Iterable[Manifest], canary: Canary | None, process: Process | None) -> Plan:
    everything = tuple(manifests)
    policies = [each for each in everything if isinstance(each, RolloutPolicy)]
    local = canary is None or canary.spec.known_provider is Provider.LOCAL
    return compile_plan(
        Bundle(
            canary=canary,
            process=process,
            templates=tuple(each for each in everything if isinstance(each, MetricTemplate)),
            policy=effective(canary, policies) if canary else EffectivePolicy(),
            revision=revision(process.spec.template) if process else NEXT,
            promoted_revision=CURRENT,
            interval_floor=LOCAL_FLOOR if local else KUBERNETES_FLOOR,
        )
    )


def _target(canary: Canary) -> str:
    reference = canary.spec.target_ref
    name = reference.name if reference.is_process else ""
    return f"{canary.metadata.namespace}/{name}"
