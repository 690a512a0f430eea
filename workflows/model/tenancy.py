"""What a Canary may not name when namespaces must not reach into each other.

Asked by the controller before a trigger and by planning before a plan: a manifest that is edited
later is judged again.
"""

from collections.abc import Iterator, Sequence

from workflows.model.canary import Canary
from workflows.model.problem import Problem

MESSAGE = "is another namespace, and this installation does not allow references across"


def across_namespaces(canary: Canary) -> Sequence[Problem]:
    """Every reference of the Canary that leaves its namespace."""
    home = canary.metadata.namespace
    return tuple(
        Problem(path=path, message=MESSAGE, value=namespace or "", allowed=home,
                where=f"Canary {canary.key}")
        for path, namespace in _namespaces(canary)
        if namespace is not None and namespace != home
    )  # fmt: skip


def _namespaces(canary: Canary) -> Iterator[tuple[str, str | None]]:
    spec = canary.spec
    if spec.upstream_ref is not None:
        yield "spec.upstreamRef.namespace", spec.upstream_ref.namespace
    for at, check in enumerate(spec.analysis.metrics):
        if check.template_ref is not None:
            yield f"spec.analysis.metrics[{at}].templateRef.namespace", check.template_ref.namespace
    for at, alert in enumerate(spec.analysis.alerts):
        yield f"spec.analysis.alerts[{at}].providerRef.namespace", alert.provider_ref.namespace
