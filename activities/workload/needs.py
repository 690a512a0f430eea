"""What the engines of `activities.workload` are handed with each write, and what they answer to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from activities.kube.fenced import Owner
from activities.kube.objects import Ref
from activities.workload.selector import SELECTOR_LABELS
from workflows.model.canary import CanarySpec
from workflows.model.identity import Fence, Slot
from workflows.model.requests import EnsureRoutes, ReleaseTarget, RoutesEnsured


@dataclass(frozen=True, slots=True)
class Known:
    """What the store says of a slot."""

    canary: CanarySpec
    promoted: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One write to one target: whose, under which fence, and what is known of it."""

    slot: Slot
    fence: Fence
    revision: str
    known: Known
    began: float
    """When the activity was first tried, in seconds since 1970; a deadline counts from there."""
    deadline: float = 0.0
    """Seconds to wait for copies."""
    percent: int = 100
    """How many of them must be available."""
    owner: Owner | None = None
    """The Canary; none once it is gone."""
    interval: float = 10.0
    """Seconds between two looks at the routes while copies are waited for."""

    @property
    def canary(self) -> CanarySpec:
        return self.known.canary

    @property
    def target(self) -> Ref:
        ref = self.canary.target_ref
        return Ref(ref.api_version, ref.kind, ref.name, self.slot.namespace)

    def beside(self, suffix: str) -> Ref:
        """The object of the same kind that is named after the target."""
        target = self.target
        return Ref(target.api_version, target.kind, target.name + suffix, target.namespace)


class TargetEngine(Protocol):
    """How one family of targets is started, promoted, stopped, adopted and released."""

    async def start(self, work: Work) -> None: ...

    async def promote(self, work: Work) -> None: ...

    async def stop(self, work: Work) -> None: ...

    async def adopt(self, work: Work) -> str:
        """Make the primary and wait until it is ready; the revision that it runs."""
        ...

    async def rest(self, work: Work) -> None:
        """The primary has all users: scale the target to zero."""
        ...

    async def withdraw(self, work: Work) -> None:
        """Give up a promotion or an adoption: the primary is as it was before."""
        ...

    async def restored(self, work: Work) -> None:
        """Wait, but not for ever, until the primary could have its users back."""
        ...

    async def release(self, work: Work) -> None:
        """The target serves by itself again."""
        ...


@dataclass(frozen=True, slots=True)
class WorkloadSettings:
    """Flagger's flags of the same names, and `drain`.

    Seconds between the moment at which users are sent away from pods and the moment at which these
    are stopped: proxies and kube-proxy hear of it late, and requests come to their end.
    """

    selector_labels: tuple[str, ...] = SELECTOR_LABELS
    label_prefixes: tuple[str, ...] = ()
    config_tracking: bool = True
    drain: float = 5.0


EnsuredRoutes = Callable[[EnsureRoutes], Awaitable[RoutesEnsured]]
UndoneRoutes = Callable[[ReleaseTarget], Awaitable[None]]
