"""Collects what a plan follows from; blocking, asked by `activities.local.planning`."""

from activities.local.manifests import ManifestFolder
from workflows.compile import Bundle
from workflows.errors import ManifestError
from workflows.model.alert_provider import AlertProvider
from workflows.model.canary import Canary
from workflows.model.identity import Slot
from workflows.model.metric_template import MetricTemplate
from workflows.model.policy import EffectivePolicy, RolloutPolicy, effective
from workflows.model.problem import Problem
from workflows.model.process import Process, ProcessSpec, revision
from workflows.model.provider import Provider
from workflows.model.requests import Action
from workflows.model.value import Record
from workflows.telling.announcing import missing, named_providers


class Source(Record):
    """A bundle, and the processes that it is about."""

    bundle: Bundle
    spec: ProcessSpec
    looked_revision: str
    """What the target holds now, whichever revision is released."""
    providers: dict[str, AlertProvider | str] = {}

    def at(self, revision: str, spec: ProcessSpec) -> "Source":
        """The same manifests for an earlier revision."""
        bundle = self.bundle.model_copy(update={"revision": revision})
        return self.model_copy(update={"bundle": bundle, "spec": spec})


class BundleReader:
    """Reads the manifests of a slot: a Canary and its Process, or a Process alone."""

    def __init__(self, manifests: ManifestFolder) -> None:
        self._manifests = manifests

    def read(self, slot: Slot, action: Action, promoted: str | None) -> Source:
        canary = self._manifests.get(Canary, slot.namespace, slot.name)
        process = self._process(slot, canary)
        if process is None:
            raise ManifestError([_missing(slot, canary)])
        policies = self._manifests.list(RolloutPolicy, slot.namespace)
        bundle = Bundle(
            canary=canary,
            process=process,
            templates=self._manifests.list(MetricTemplate),
            policy=EffectivePolicy() if canary is None else effective(canary, policies),
            revision=revision(process.spec.template),
            promoted_revision=promoted,
            action=action,
            default_provider=Provider.LOCAL,
        )
        return Source(
            bundle=bundle,
            spec=process.spec,
            looked_revision=bundle.revision,
            providers={} if canary is None else self._providers(canary),
        )

    def revision(self, slot: Slot) -> str | None:
        """Which revision the target holds now; None without one."""
        canary = self._manifests.get(Canary, slot.namespace, slot.name)
        process = self._process(slot, canary)
        return None if process is None else revision(process.spec.template)

    def _providers(self, canary: Canary) -> dict[str, AlertProvider | str]:
        """Those that the Canary names; none of them is worth not releasing."""
        found: dict[str, AlertProvider | str] = {}
        for namespace, name in named_providers(canary):
            try:
                provider = self._manifests.get(AlertProvider, namespace, name)
                found[f"{namespace}/{name}"] = provider or missing(namespace, name)
            except ManifestError as error:
                found[f"{namespace}/{name}"] = str(error)
        return found

    def _process(self, slot: Slot, canary: Canary | None) -> Process | None:
        name = slot.name if canary is None else canary.spec.target_ref.name
        return self._manifests.get(Process, slot.namespace, name)


def _missing(slot: Slot, canary: Canary | None) -> Problem:
    if canary is None:
        return Problem(path="", message=f"there is neither a Canary nor a Process {slot.key}")
    target = f"{slot.namespace}/{canary.spec.target_ref.name}"
    return Problem(
        path="spec.targetRef.name",
        message="names a Process that is not there; apply it first",
        value=target,
        where=f"Canary {slot.key}",
    )
