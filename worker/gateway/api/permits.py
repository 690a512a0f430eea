"""Which role it takes to keep or remove a manifest. Pure; used by `manifests`.

Whoever may change what a target runs may release it: an operator of it. What holds for many
targets takes that role in the whole namespace, and a policy, which says who must approve, an
admin.
"""

from collections.abc import Iterable, Iterator

from worker.gateway.identity import ANY, Person, Role
from workflows.model.canary import Canary
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest
from workflows.model.policy import RolloutPolicy
from workflows.model.process import Process
from workflows.model.trigger import Trigger

SECRETIVE = frozenset({"AlertProvider", "Process", "Trigger"})
"""Kinds that may hold an address or a variable that is a secret: not for viewers."""


def role_to_change(manifest: Manifest) -> Role:
    """The role that keeping or removing a manifest takes."""
    return Role.ADMIN if isinstance(manifest, (RolloutPolicy, Trigger)) else Role.OPERATOR


def role_to_see(manifest: Manifest) -> Role:
    """The role that reading a manifest takes."""
    return Role.OPERATOR if manifest.kind in SECRETIVE else Role.VIEWER


def role_over(person: Person, manifest: Manifest, canaries: Iterable[Canary]) -> Role | None:
    """The role of a person over a manifest: the lowest over all targets it is about.

    `canaries` are those that may release it; None if it is not to be seen.
    """
    roles = [person.role_in(slot) for slot in _targets(manifest, canaries)]
    if not roles:
        return _role_in_all(person, manifest.metadata.namespace)
    known = [role for role in roles if role is not None]
    return min(known) if len(known) == len(roles) else None


def _targets(manifest: Manifest, canaries: Iterable[Canary]) -> Iterator[Slot]:
    namespace, name = manifest.metadata.namespace, manifest.metadata.name
    if isinstance(manifest, (Canary, Process)):
        yield Slot(namespace=namespace, name=name)
    if isinstance(manifest, Canary):
        yield Slot(namespace=namespace, name=manifest.spec.target_ref.name)
    if isinstance(manifest, Process):
        for canary in canaries:
            reference = canary.spec.target_ref
            if (canary.metadata.namespace, reference.name) == (namespace, name):
                yield Slot(namespace=namespace, name=canary.metadata.name)


def _role_in_all(person: Person, namespace: str) -> Role | None:
    """The role over every target of a namespace."""
    roles = [
        binding.role
        for binding in person.bindings
        if ANY in binding.targets and (ANY in binding.namespaces or namespace in binding.namespaces)
    ]
    return max(roles, default=None)
