"""What a plan on a cluster follows from: the Canary, its target, configs, templates and policies.

Read for `activities.kube.planning`, once for a run and once for a look.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from temporalio.exceptions import ApplicationError

from activities.claims import refused
from activities.kube.api import KubeApi
from activities.kube.objects import KubeObject, Ref, map_at, ref_of, text_at
from workflows.errors import ManifestError, Reason, failure, reason_of
from workflows.model.alert_provider import AlertProvider
from workflows.model.canary import Canary, CanarySpec
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest, parse
from workflows.model.metric_template import MetricTemplate
from workflows.model.policy import EffectivePolicy, RolloutPolicy, effective
from workflows.model.problem import Problem
from workflows.model.provider import Provider
from workflows.model.target import TargetKind
from workflows.model.tenancy import across_namespaces
from workflows.model.tracking import checksum, references
from workflows.telling.announcing import Providers, missing, named_providers

FLAGGER = "flagger.app/v1beta1"
SERINUS = "serinus.dev/v1alpha1"
M = TypeVar("M", bound=Manifest)


def no_selector_label(target: KubeObject) -> tuple[str, str]:
    """For clusters whose targets select no pods."""
    del target
    return "", ""


@dataclass(frozen=True, slots=True)
class PlanningSettings:
    """What holds for all Canaries of an installation; Flagger's flags, and Serinus' own floor."""

    default_provider: Provider = Provider.ISTIO
    metrics_server: str = "http://prometheus:9090"
    interval_floor: float = 10.0
    no_cross_namespace_refs: bool = False
    config_tracking: bool = True
    namespaces: tuple[str, ...] = ()
    """Where slots are looked for; empty means everywhere."""
    event_webhook: str = ""
    """Where events of Canaries without an event hook go; empty means nowhere."""
    selector_label: Callable[[KubeObject], tuple[str, str]] = no_selector_label
    """Asked of Deployments and DaemonSets; `InvalidManifest` if a target has none."""


class Sources:
    """Reads a cluster; answers in manifests that are right, or says what is wrong."""

    def __init__(self, api: KubeApi, settings: PlanningSettings) -> None:
        self._api = api
        self._settings = settings

    async def canary(self, slot: Slot) -> Canary | None:
        """The Canary with the installation's metrics server; None if it is gone."""
        found = await self._api.read(Ref(FLAGGER, "Canary", slot.name, slot.namespace))
        if found is None:
            return None
        canary = _parsed(Canary, found)
        problems = tuple(self._problems(canary))
        if problems:
            raise refused(ManifestError(problems))
        return _measured_by(canary, self._settings.metrics_server)

    async def phase(self, slot: Slot) -> str:
        """Where the Canary's status says that it stands; whoever wrote it."""
        found = await self._api.read(Ref(FLAGGER, "Canary", slot.name, slot.namespace))
        return text_at(found or {}, "status", "phase")

    async def target(self, slot: Slot, spec: CanarySpec) -> KubeObject | None:
        ref = spec.target_ref
        return await self._api.read(Ref(ref.api_version, ref.kind, ref.name, slot.namespace))

    async def configs(self, target: KubeObject) -> Mapping[str, str]:
        """The checksums of tracked configs; `TargetNotFound` (retryable) if one is missing."""
        if not self._settings.config_tracking or not has_pods(target):
            return {}
        namespace = ref_of(target).namespace
        sums: dict[str, str] = {}
        for ref in references(map_at(target, "spec", "template")):
            config = await self._api.read(Ref("v1", ref.kind, ref.name, namespace))
            if config is None and not ref.optional:
                raise _missing(target, f"{ref.kind} {ref.name}")
            if config is not None and (found := checksum(config)) is not None:
                sums[ref.key] = found
        return sums

    async def templates(self, canary: Canary) -> tuple[MetricTemplate, ...]:
        """Those that the Canary names, of whichever namespace."""
        home = canary.metadata.namespace
        named = {
            (metric.template_ref.namespace or home, metric.template_ref.name)
            for metric in canary.spec.analysis.metrics
            if metric.template_ref is not None
        }
        found: list[MetricTemplate] = []
        for namespace, name in sorted(named):
            template = await self._api.read(Ref(FLAGGER, "MetricTemplate", name, namespace))
            if template is not None:
                found.append(_parsed(MetricTemplate, template))
        return tuple(found)

    async def alert_providers(self, canary: Canary) -> Providers:
        """Those that the Canary names; none of them is worth not releasing."""
        found: dict[str, AlertProvider | str] = {}
        for namespace, name in named_providers(canary):
            try:
                provider = await self._api.read(Ref(FLAGGER, "AlertProvider", name, namespace))
                found[f"{namespace}/{name}"] = (
                    missing(namespace, name)
                    if provider is None
                    else _parsed(AlertProvider, provider)
                )
            except ApplicationError as error:
                found[f"{namespace}/{name}"] = error.message
        return found

    async def policy(self, canary: Canary) -> EffectivePolicy:
        """The policy that holds; the default on a cluster without our own kind."""
        try:
            listed = await self._api.list(SERINUS, "RolloutPolicy", canary.metadata.namespace)
        except ApplicationError as error:
            if reason_of(error) is Reason.KIND_NOT_INSTALLED:
                return EffectivePolicy()
            raise
        try:
            return effective(canary, [_parsed(RolloutPolicy, each) for each in listed.items])
        except ManifestError as error:
            raise refused(error) from error

    def selector_label(self, target: KubeObject) -> tuple[str, str]:
        return self._settings.selector_label(target) if has_pods(target) else ("", "")

    def _problems(self, canary: Canary) -> Sequence[Problem]:
        problems: list[Problem] = []
        if self._settings.no_cross_namespace_refs:
            problems += across_namespaces(canary)
        if canary.spec.target_ref.is_process:
            problems.append(
                Problem(
                    path="spec.targetRef.kind",
                    message="is a target of the local platform, not of a cluster",
                    value=TargetKind.PROCESS,
                    allowed="Deployment, DaemonSet, Service",
                    where=f"Canary {canary.key}",
                )
            )
        return problems


def has_pods(target: KubeObject) -> bool:
    """Whether the target itself is made of pods."""
    return text_at(target, "kind") in (TargetKind.DEPLOYMENT, TargetKind.DAEMON_SET)


def no_target(slot: Slot, spec: CanarySpec) -> Exception:
    ref = spec.target_ref
    problem = Problem(
        path="spec.targetRef.name",
        message=f"names a {ref.kind} that is not there; apply it first",
        value=f"{slot.namespace}/{ref.name}",
        where=f"Canary {slot.key}",
    )
    return refused(ManifestError((problem,)))


def _measured_by(canary: Canary, server: str) -> Canary:
    if canary.spec.metrics_server is not None:
        return canary
    spec = canary.spec.model_copy(update={"metrics_server": server})
    return canary.model_copy(update={"spec": spec})


def _parsed(kind: type[M], obj: KubeObject) -> M:
    try:
        manifest = parse(dict(obj))
    except ManifestError as error:
        where = str(ref_of(obj))
        problems = [each.model_copy(update={"where": where}) for each in error.problems]
        raise refused(ManifestError(problems)) from error
    if not isinstance(manifest, kind):
        raise AssertionError(manifest.kind)
    return manifest


def _missing(target: KubeObject, config: str) -> Exception:
    message = f"{ref_of(target)} reads {config}, which is not there; create it or mark it optional"
    return failure(Reason.TARGET_NOT_FOUND, message, retryable=True)
