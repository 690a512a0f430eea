"""The gates of a release: those that hooks make, and what a policy makes of them.

A rule joins the gates that a plan has of its kind; where it has none, Serinus puts them. Called
by `workflows.steps` and `workflows.compile`.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from workflows.approvals.approving import rule_words
from workflows.errors import ManifestError
from workflows.model.approval import GateRule
from workflows.model.gate_spec import GateSpec
from workflows.model.hook import Hook, HookType
from workflows.model.plan import ALL_PRIMARY, Ask, Observe, Promote, Routes, Shift, Start, Step
from workflows.model.problem import Problem, nearest

Steps = tuple[Step, ...]
Gate = Callable[[Step, Routes], Ask | None]
"""The gate to put before a step, while users are where the routes say; None for none."""

KINDS = (
    HookType.CONFIRM_ROLLOUT,
    HookType.CONFIRM_TRAFFIC_INCREASE,
    HookType.CONFIRM_PROMOTION,
)


def rollout_gate(hooks: tuple[Hook, ...] = ()) -> Ask:
    """Before the canary starts."""
    kind = HookType.CONFIRM_ROLLOUT
    return Ask(name=kind, summary="ask before the canary starts", gate=kind, hooks=hooks)


def traffic_gate(name: str, when: str, routes: Routes, hooks: tuple[Hook, ...] = ()) -> Ask:
    """While no request reaches the canary there is nothing to watch: its metrics have no data."""
    return Ask(
        name=name,
        summary=f"ask before {when}",
        gate=HookType.CONFIRM_TRAFFIC_INCREASE,
        hooks=hooks,
        watch=routes.canary > 0,
        routes=routes,
    )


def promotion_gate(routes: Routes, hooks: tuple[Hook, ...] = (), *, watch: bool = True) -> Ask:
    """Before the point of no return."""
    kind = HookType.CONFIRM_PROMOTION
    summary = "ask before the promotion"
    return Ask(name=kind, summary=summary, gate=kind, hooks=hooks, watch=watch, routes=routes)


def with_gates(planned: Steps, whole: Steps, gates: Sequence[GateSpec], where: str) -> Steps:
    """The steps of a release with what a policy asks for; ManifestError for unknown steps.

    `whole` are its steps when it is analysed. A release without analysis has fewer, but it is no
    way around a gate: what stands before a step that it lacks is asked before the promotion.
    """
    problems = tuple(_unknown(gates, whole, where))
    if problems:
        raise ManifestError(problems)
    watched = planned == whole
    # Kinds first: a step that is named by itself has the last word on its own gate.
    for gate in sorted(gates, key=lambda gate: gate.at not in KINDS):
        planned = _with_gate(planned, gate, watched=watched)
    return planned


def _unknown(gates: Sequence[GateSpec], whole: Steps, where: str) -> Iterator[Problem]:
    names = [*KINDS, *_before_the_end(whole)]
    for at, gate in enumerate(gates):
        if gate.at not in names:
            yield Problem(
                path=f"spec.gates[{at}].at",
                message="is neither a kind of gate nor a step up to the promotion",
                value=gate.at,
                allowed=", ".join(dict.fromkeys(names)),
                did_you_mean=nearest(gate.at, names),
                where=where,
            )


def _before_the_end(steps: Steps) -> list[str]:
    """The names of the steps up to the promotion: after it there is nothing to ask."""
    names = [step.name for step in steps]
    end = next((i for i, step in enumerate(steps) if isinstance(step, Promote)), len(steps) - 1)
    return names[: end + 1]


def _with_gate(steps: Steps, spec: GateSpec, *, watched: bool) -> Steps:
    there = set(_gates_for(steps, spec.at))
    if there:
        return tuple(
            _joined(step, spec.rule) if isinstance(step, Ask) and step.name in there else step
            for step in steps
        )
    put = tuple(_inserted(steps, _maker(steps, spec, watched=watched), spec.rule))
    if len(put) > len(steps):
        return put
    # Nothing sends users there step by step, so all of them go with the promotion.
    last = _before_promotion(steps, lambda _, routes: _traffic_promotion(routes, watched))
    return tuple(_inserted(steps, last, spec.rule))


def _gates_for(steps: Steps, at: str) -> Iterator[str]:
    """The gates that are there already: of this kind, of this name, or just before this step."""
    for step, following in pairwise(steps):
        if not isinstance(step, Ask):
            continue
        before = following.name if not isinstance(following, Ask) else step.name
        if at in (step.gate, step.name, before):
            yield step.name


def _maker(steps: Steps, spec: GateSpec, *, watched: bool) -> Gate:
    match spec.at:
        case HookType.CONFIRM_ROLLOUT:
            return lambda step, _: rollout_gate() if isinstance(step, Start) else None
        case HookType.CONFIRM_TRAFFIC_INCREASE:
            return _before_more_traffic
        case HookType.CONFIRM_PROMOTION:
            return _before_promotion(steps, lambda _, at: promotion_gate(at, watch=watched))
        case name if any(step.name == name for step in steps):
            return lambda step, routes: (
                _named_gate(name, step, routes, watched) if step.name == name else None
            )
        case name:
            return _before_promotion(
                steps, lambda step, routes: _named_gate(name, step, routes, watched)
            )


def _before_promotion(steps: Steps, gate: Callable[[Step, Routes], Ask]) -> Gate:
    """Blue/green brings all users to the canary before it promotes: that is asked about already."""
    names = [step.name for step in steps if step.name == "all-canary"]
    first = next(iter(names), next(step.name for step in steps if isinstance(step, Promote)))
    return lambda step, routes: gate(step, routes) if step.name == first else None


def _traffic_promotion(routes: Routes, watched: bool) -> Ask:
    gate = traffic_gate("traffic-promotion", "the promotion", routes)
    return gate.model_copy(update={"watch": gate.watch and watched})


def _named_gate(name: str, step: Step, routes: Routes, watched: bool) -> Ask:
    """The kind says what the gate is about, for phases and hooks; the name says where it stands."""
    if isinstance(step, Start):
        gate = rollout_gate()
    elif isinstance(step, Promote):
        gate = promotion_gate(routes, watch=watched)
    else:
        gate = traffic_gate("", name, routes)
    return gate.model_copy(update={"name": f"before-{name}", "summary": f"ask before {name}"})


def _before_more_traffic(step: Step, routes: Routes) -> Ask | None:
    if not isinstance(step, Observe | Shift):
        return None
    if step.routes.canary > routes.canary:
        when = f"{step.routes.canary} % go to the canary"
        return traffic_gate(f"traffic-{step.routes.canary}", when, routes)
    mirrors = step.routes.mirrored and not routes.mirrored
    return traffic_gate("traffic-mirror", "requests are mirrored", routes) if mirrors else None


def _inserted(steps: Steps, gate: Gate, rule: GateRule) -> Iterator[Step]:
    """Gates stand before the promotion or nowhere."""
    routes, asking = ALL_PRIMARY, True
    for step in steps:
        found = gate(step, routes) if asking else None
        if found is not None:
            yield _joined(found, rule)
        yield step
        routes = step.routes if isinstance(step, Observe | Shift) else routes
        asking = asking and not isinstance(step, Promote)


def _joined(gate: Ask, rule: GateRule) -> Ask:
    summary = gate.summary.partition(": ")[0]
    words = rule_words(rule)
    update = {"rule": rule, "summary": f"{summary}: {words}" if words else summary}
    return gate.model_copy(update=update)
