"""No router at all: users meet the primary through the apex Service, tests the canary's.

The selectors are `activities.routing.services`' business. As in Flagger, blue/green without a
router is a rolling update that was validated out of users' sight.
"""

from activities.kube.objects import Ref
from activities.routing.parts import is_all_primary
from activities.routing.router import Live, Rollout, RouteError, Wanted
from workflows.model.plan import ALL_PRIMARY, Routes


class KubernetesRouter:
    """Has nothing to write and one answer."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        del rollout
        return ()

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        del live
        if not is_all_primary(routes):
            raise RouteError(
                f"Canary {rollout.namespace}/{rollout.name}: provider kubernetes has no router "
                f"to send {routes.canary} % to the canary; choose a provider that has one"
            )
        return Wanted(objects=())

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        del rollout, live
        return ALL_PRIMARY

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        del rollout, live
        return None

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        del rollout, live
        return Wanted(objects=())
