"""Whom a built-in query is about. Used by every module of this package and by `workflows.checks`.

Between two releases the target is the canary, so every query is about the target's own pods or the
canary Service; the primary must never be counted.
"""

import re
from dataclasses import dataclass

from workflows.model.target import TargetKind

_RANDOM = "[b-df-hj-np-tv-xz24-9]"
"""What Kubernetes makes random names of: no vowels, so that `primary` is never one."""
_LATEST = re.compile(r"<latest created revision of ([a-z0-9.-]+)>")


@dataclass(frozen=True, slots=True)
class Subject:
    """Names as Flagger's templates know them, and the kind of the target; `window` as in PromQL."""

    namespace: str
    target: str
    kind: TargetKind
    service: str
    ingress: str
    route: str
    window: str

    @property
    def canary(self) -> str:
        """The Service of the canary."""
        return f"{self.service}-canary"

    @property
    def is_service(self) -> bool:
        """Whether nobody can say from the target which pods it is about."""
        return self.kind is TargetKind.SERVICE

    @property
    def pods(self) -> str:
        """A pattern of the target's pods and of nobody else's."""
        replica_set = "" if self.kind is TargetKind.DAEMON_SET else f"-{_RANDOM}{{1,10}}"
        return f"{exactly(self.target)}{replica_set}-{_RANDOM}{{5}}"


def exactly(name: str) -> str:
    """A name of Kubernetes as a pattern; of its characters only the dot means something else."""
    return name.replace(".", "[.]")


def latest_revision(target: str) -> str:
    """Stands for a name that only the cluster knows; whoever asks the query puts it in."""
    return f"<latest created revision of {target}>"


def wants_revision_of(query: str) -> str | None:
    """The Knative Service whose latest revision a query wants to know."""
    found = _LATEST.search(query)
    return found[1] if found else None


def with_revision(query: str, revision: str) -> str:
    return _LATEST.sub(revision, query)
