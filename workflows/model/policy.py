"""Ours: `RolloutPolicy`, everything that Serinus adds to a Canary, and which policy holds.

Flagger's kinds stay Flagger's; `effective` is asked when a plan is compiled and by `serinus plan`.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workflows.errors import ManifestError
from workflows.model.alert_spec import AlertSpec
from workflows.model.canary import Canary
from workflows.model.gate_spec import GateSpec
from workflows.model.measurement import NoData
from workflows.model.plan import Supersede
from workflows.model.problem import Problem, refuse
from workflows.model.quantity import Flag, PositiveDuration, Real, Url, Whole
from workflows.model.resource import DnsName, Labels, Part, Resource
from workflows.model.target import Name
from workflows.model.value import Record

DEFAULT = "default"
TEN_SECONDS = timedelta(seconds=10)
AtLeastOne = Annotated[Whole, Field(ge=1)]


class LabelSelector(Part):
    """Canaries that carry all of these labels."""

    match_labels: Annotated[Labels, Field(min_length=1)]

    def selects(self, labels: Labels) -> bool:
        """Whether a Canary with these labels is meant."""
        return self.match_labels.items() <= labels.items()


class PolicyTargets(Part):
    """Which Canaries of the namespace are meant: by name or by label; nothing means all."""

    names: tuple[DnsName, ...] = ()
    selector: LabelSelector | None = None


class GuardSpec(Part):
    """When the guard ends a step between two ticks."""

    enabled: Flag = True
    min_failures: AtLeastOne = 5
    min_looks: AtLeastOne = 3
    p_value: Annotated[Real, Field(gt=0, lt=1)] = 1e-5
    not_ready_after: PositiveDuration = TEN_SECONDS


class UndoSpec(Part):
    """A hook owed once the step `after` has begun, called when the rollout is taken back."""

    name: Name
    after: Name
    url: Url
    timeout: PositiveDuration = TEN_SECONDS
    metadata: Labels = {}


def _twice(field: str, part: str, names: list[str]) -> Iterator[Problem]:
    for at, name in enumerate(names):
        if names.index(name) < at:
            message = f"is that of {field}[{names.index(name)}] too"
            path = f"{field}[{at}].{part}"
            yield Problem(path=path, value=name, allowed="one of its own", message=message)


class RolloutPolicySpec(Part):
    """What a policy says; what it leaves out keeps the default."""

    targets: PolicyTargets = PolicyTargets()
    supersede: Supersede = Supersede.RESTART
    no_data: NoData = NoData.FAIL
    guard: GuardSpec = GuardSpec()
    min_interval: PositiveDuration | None = None
    undo: tuple[UndoSpec, ...] = ()
    gates: tuple[GateSpec, ...] = ()
    alerts: tuple[AlertSpec, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> "RolloutPolicySpec":
        refuse(
            (
                *_twice("undo", "name", [hook.name for hook in self.undo]),
                *_twice("gates", "at", [gate.at for gate in self.gates]),
            )
        )
        return self

    def specificity(self, canary: Canary) -> int | None:
        """How closely this policy is bound: by name 2, by label 1, to all 0; None if not."""
        targets = self.targets
        if canary.metadata.name in targets.names:
            return 2
        if targets.selector and targets.selector.selects(canary.metadata.labels):
            return 1
        return None if targets.names or targets.selector else 0


class RolloutPolicy(Resource):
    """What Serinus does beyond Flagger, for some Canaries of one namespace."""

    api_version: Literal["serinus.dev/v1alpha1"] = "serinus.dev/v1alpha1"
    kind: Literal["RolloutPolicy"] = "RolloutPolicy"
    spec: RolloutPolicySpec = RolloutPolicySpec()


class EffectivePolicy(Record):
    """The policy that holds for one Canary; `source` is its name."""

    source: str = DEFAULT
    supersede: Supersede = Supersede.RESTART
    no_data: NoData = NoData.FAIL
    guard: GuardSpec = GuardSpec()
    min_interval: PositiveDuration | None = None
    undo: tuple[UndoSpec, ...] = ()
    gates: tuple[GateSpec, ...] = ()
    alerts: tuple[AlertSpec, ...] = ()


def effective(canary: Canary, policies: Iterable[RolloutPolicy]) -> EffectivePolicy:
    """The most specific policy of the Canary's namespace; two equally specific ones are refused."""
    bound = [
        (rank, policy)
        for policy in policies
        if policy.metadata.namespace == canary.metadata.namespace
        and (rank := policy.spec.specificity(canary)) is not None
    ]
    if not bound:
        return EffectivePolicy()
    best = max(rank for rank, _ in bound)
    first, *others = [policy for rank, policy in bound if rank == best]
    if others:
        raise _ambiguous(canary, [first, *others])
    spec = first.spec
    return EffectivePolicy(
        source=first.metadata.name,
        supersede=spec.supersede,
        no_data=spec.no_data,
        guard=spec.guard,
        min_interval=spec.min_interval,
        undo=spec.undo,
        gates=spec.gates,
        alerts=spec.alerts,
    )


def _ambiguous(canary: Canary, policies: list[RolloutPolicy]) -> ManifestError:
    names = sorted(policy.metadata.name for policy in policies)
    message = f"is bound equally closely to the Canary {canary.key} by {' and '.join(names)}"
    allowed = "one policy for each: by name, else by label, else for all"
    return ManifestError((Problem(path="spec.targets", message=message, allowed=allowed),))
