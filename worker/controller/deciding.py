"""What a Canary needs now: a trigger, a refusal, its finalizer, or nothing. Pure.

Called by `worker.controller.attending` for every slot that something was seen of. All that it
knows is what the cluster says at that moment, so any number of controllers decide alike and a
restarted one needs no memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from activities.kube.left import is_handed_back
from activities.kube.objects import KubeObject, at, list_at, text_at
from worker.applying import Trigger
from worker.controller.suspending import order_of
from workflows.compile import Bundle, compile_plan
from workflows.errors import ManifestError
from workflows.model.canary import Canary
from workflows.model.identity import Slot
from workflows.model.manifest import parse
from workflows.model.metric_template import MetricTemplate
from workflows.model.policy import RolloutPolicy, effective
from workflows.model.problem import Problem
from workflows.model.provider import Provider
from workflows.model.requests import Action
from workflows.model.revision import target_revision
from workflows.model.status import Phase, Verb
from workflows.model.tenancy import across_namespaces

FLAGGERS_FINALIZER = "finalizer.flagger.app"
OUR_FINALIZER = "serinus.dev/finalizer"
FINALIZERS = (FLAGGERS_FINALIZER, OUR_FINALIZER)
AT_REST = frozenset({"", Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED, Phase.TERMINATED})
TRIGGER_LENGTH = 16
INTERVAL_FLOOR = 10.0
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all Canaries of this installation."""

    no_cross_namespace_refs: bool = False
    default_provider: Provider = Provider.ISTIO


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a slot."""

    slot: Slot
    canary: KubeObject
    target: KubeObject | None = None
    configs: Mapping[str, str] = field(default_factory=dict[str, str])
    missing: Sequence[str] = ()
    """Tracked configs that the target needs and that are not there."""
    templates: Sequence[MetricTemplate] = ()
    policies: Sequence[RolloutPolicy] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why in a few words; parts that are None stay as they are."""

    why: str
    trigger: Trigger | None = None
    refusal: str | None = None
    """What is wrong with the manifest; empty if it is known to be right."""
    finalizers: tuple[str, ...] | None = None
    order: Verb | None = None


def decide(facts: Facts, terms: Terms) -> Decision:
    """The one answer to what is known of a slot."""
    if is_handed_back(facts.canary):
        return Decision("handed back to Flagger")
    if text_at(facts.canary, "metadata", "deletionTimestamp"):
        return _when_deleted(facts)
    try:
        canary = _canary(facts, terms)
        _compile(facts, canary, terms)
    except ManifestError as error:
        return Decision("the manifest is refused", refusal=str(error))
    order = order_of(facts.canary, suspend=canary.spec.suspend)
    if canary.spec.suspend:
        return Decision("suspended", refusal="", order=order)
    return Decision(
        order=order,
        why=_why_not(facts) or "the target holds a revision to look at",
        trigger=_release(facts) if _why_not(facts) is None else None,
        refusal="",
        finalizers=_held(facts.canary, canary),
    )


def finalizers_of(canary: KubeObject) -> tuple[str, ...]:
    return tuple(str(name) for name in list_at(canary, "metadata", "finalizers"))


def without_ours(canary: KubeObject) -> tuple[str, ...]:
    """The finalizers that stay when Serinus has given the target back."""
    return tuple(name for name in finalizers_of(canary) if name not in FINALIZERS)


def _when_deleted(facts: Facts) -> Decision:
    """The target must serve before its primary is deleted with the Canary."""
    kept = without_ours(facts.canary)
    if kept == finalizers_of(facts.canary):
        return Decision("deleted")
    if text_at(facts.canary, "status", "phase") == Phase.TERMINATED:
        return Decision("deleted, and the target was given back", finalizers=kept)
    if facts.target is None or text_at(facts.target, "metadata", "deletionTimestamp"):
        return Decision("deleted, and the target too", finalizers=kept)
    if not (_applied(facts) or _promoted(facts)):
        return Decision("deleted before anything was done for it", finalizers=kept)
    trigger = Trigger(
        slot=facts.slot, id=_id(facts, Action.REVERT, ""), action=Action.REVERT
    )  # fmt: skip
    return Decision("deleted: the target is given back", trigger=trigger)


def _canary(facts: Facts, terms: Terms) -> Canary:
    canary = parse(dict(facts.canary))
    if not isinstance(canary, Canary):
        raise AssertionError(canary.kind)
    problems = list(across_namespaces(canary)) if terms.no_cross_namespace_refs else []
    if canary.spec.target_ref.is_process:
        message = "is a target of the local platform, not of a cluster"
        problems.append(Problem(path="spec.targetRef.kind", message=message, value="Process",
                                allowed="Deployment, DaemonSet, Service"))  # fmt: skip
    if problems:
        raise ManifestError(problems)
    return canary


def _compile(facts: Facts, canary: Canary, terms: Terms) -> None:
    """What planning will do; better refused here than by a rollout that fails."""
    compile_plan(
        Bundle(
            canary=canary,
            templates=tuple(facts.templates),
            policy=effective(canary, facts.policies),
            revision=_revision(facts) or UNKNOWN,
            promoted_revision=_promoted(facts) or None,
            interval_floor=INTERVAL_FLOOR,
            default_provider=terms.default_provider,
        )
    )


def _why_not(facts: Facts) -> str | None:
    """Why there is nothing to trigger; None if there is."""
    revision, applied, promoted = _revision(facts), _applied(facts), _promoted(facts)
    resting = text_at(facts.canary, "status", "phase") in AT_REST
    if facts.target is None:
        return "the target is not there"
    if facts.missing:
        return f"the target needs {', '.join(facts.missing)}, not there"
    if not revision:
        return "the target holds no revision yet"
    if revision == promoted and (resting or applied == promoted):
        return "promoted already"
    if revision == applied and revision != promoted:
        return "looked at already"
    return None


def _release(facts: Facts) -> Trigger:
    revision = _revision(facts)
    return Trigger(slot=facts.slot, id=_id(facts, Action.RELEASE, revision), revision=revision)


def _held(live: KubeObject, canary: Canary) -> tuple[str, ...] | None:
    """Hold a Canary until its target serves by itself again; Flagger's finalizer where asked."""
    wanted = FLAGGERS_FINALIZER if canary.spec.revert_on_deletion else OUR_FINALIZER
    found = finalizers_of(live)
    if [name for name in found if name in FINALIZERS] == [wanted]:
        return None
    return (*without_ours(live), wanted)


def _id(facts: Facts, action: Action, revision: str) -> str:
    """The same for the same sight of the cluster, so that a repeated trigger counts once.

    The target's generation is part of it: there, back and there again is news to the same run. So
    is what was looked at: a target that differs from an adopted primary is news to that run too.
    """
    seen = at(facts.target, "metadata", "generation") if facts.target else None
    uid = text_at(facts.canary, "metadata", "uid")
    parts = (uid, action.value, revision, "" if action is Action.REVERT else str(seen),
             _applied(facts), _promoted(facts))  # fmt: skip
    return sha256("\0".join(parts).encode()).hexdigest()[:TRIGGER_LENGTH]


def _revision(facts: Facts) -> str:
    return target_revision(facts.target, facts.configs) if facts.target else ""


def _applied(facts: Facts) -> str:
    return _recorded(facts, "lastAppliedSpec")


def _promoted(facts: Facts) -> str:
    return _recorded(facts, "lastPromotedSpec")


def _recorded(facts: Facts, name: str) -> str:
    """A revision of the status; Flagger's own digests mean nothing to anybody else."""
    return text_at(facts.canary, "status", name)
