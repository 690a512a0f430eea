"""What a router on Kubernetes is: routes made into objects, objects read back into routes. Pure.

`activities.routing.engine` reads what a router names, writes what it wants with server-side apply
under a fence, and asks it whether the data plane has taken it. A new router is one module with
this shape and one line in `activities.routing.registry`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from activities.kube.objects import KubeObject, Ref
from workflows.errors import SerinusError
from workflows.model.canary import CanarySpec
from workflows.model.plan import Routes

Live = Mapping[Ref, KubeObject]
"""The objects that a router asked for, as they are now; missing ones are missing."""


class RouteError(SerinusError):
    """These routes cannot be expressed, or something that the user must provide is missing.

    Says what is wrong, in which object, and what to do.
    """


@dataclass(frozen=True, slots=True)
class Rollout:
    """Whose routes they are.

    `selector_label` is the label key and value by which Services find the pods of the target;
    `cookie` is a word of this revision that nobody guesses, for session affinity.
    """

    namespace: str
    name: str
    """Of the Canary."""
    canary: CanarySpec
    annotations: Mapping[str, str]
    """Of the Canary."""
    selector_label: tuple[str, str]
    revision: str
    cookie: str

    @property
    def apex(self) -> str:
        return self.canary.service_name

    @property
    def primary(self) -> str:
        return f"{self.apex}-primary"

    @property
    def canary_service(self) -> str:
        return f"{self.apex}-canary"


@dataclass(frozen=True, slots=True)
class Wanted:
    """`objects` hold exactly the fields that Serinus owns; `absent` must not be there.

    Objects carry no owner and no fence: the engine adds both. What is not `owned` existed before
    (a Knative Service): it is never given an owner or deleted.
    """

    objects: tuple[KubeObject, ...]
    absent: tuple[Ref, ...] = ()
    owned: bool = True


class Router(Protocol):
    """Pure functions; one instance serves all rollouts of a provider."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        """Every object to look at first: what it writes, and what it copies from."""
        ...

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        """The objects that send users as the routes say; RouteError if there is no such thing."""
        ...

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        """The routes that live objects give; None if they give none that Serinus would write."""
        ...

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        """Why the data plane has not yet taken what is written; None when it has."""
        ...

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        """What a revert leaves: objects put back as they were before, and those to remove."""
        ...
