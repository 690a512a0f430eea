"""`serinus plan`: what a manifest would do, step by step, before anything does it.

Reads files and compiles; it asks no server, so it also works in a pull request's checks.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from activities.manifests import load
from worker.cli.options import Format, Output
from worker.cli.output import complain, emit, show
from worker.cli.plan_table import drawn
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
STDIN = Path("-")
File = Annotated[
    Path,
    Parameter(help="Canaries, Processes and the manifests they refer to; - is standard input."),
]
LOCAL_FLOOR, KUBERNETES_FLOOR = 1.0, 10.0


class Planned(Record):
    """A plan and what it is for."""

    name: str
    plan: Plan


def plan(*files: File, output: Output = Format.TABLE) -> int:
    """Show what a release would do: its steps, its length and its safeguards."""
    try:
        plans = plans_of(_manifests(files))
    except (ManifestError, OSError, UnicodeDecodeError) as error:
        complain(str(error))
        return 1
    if output is Format.TABLE:
        for planned in plans:
            show(drawn(planned.name, planned.plan))
    else:
        emit(plans[0].plan if len(plans) == 1 else [each.plan for each in plans], output)
    return 0


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


def _manifests(files: Iterable[Path]) -> tuple[Manifest, ...]:
    problems: list[Problem] = []
    manifests: list[Manifest] = []
    for source, text in _texts(files):
        try:
            manifests += load(text, source)
        except ManifestError as error:
            problems += error.problems
    if problems:
        raise ManifestError(problems)
    return tuple(manifests)


def _texts(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        if file == STDIN:
            yield "<stdin>", sys.stdin.read()
        else:
            yield str(file), file.read_text(encoding="utf-8")
