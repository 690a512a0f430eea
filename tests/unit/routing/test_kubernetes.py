"""The provider without a router."""

import pytest

from activities.routing.kubernetes import KubernetesRouter
from activities.routing.router import RouteError, Wanted
from tests.unit.routing.scenes import a_rollout, routes

ROUTER, ROLLOUT = KubernetesRouter(), a_rollout("kubernetes")


def test_users_are_always_on_the_primary_and_nothing_is_written() -> None:
    assert ROUTER.wanted(ROLLOUT, routes(0), {}) == Wanted(objects=())
    assert ROUTER.routes_of(ROLLOUT, {}) == routes(0)
    assert ROUTER.waiting(ROLLOUT, {}) is None
    assert ROUTER.undone(ROLLOUT, {}) == Wanted(objects=())


@pytest.mark.parametrize("share", [1, 50, 100])
def test_users_cannot_be_sent_to_the_canary(share: int) -> None:
    with pytest.raises(RouteError, match="no router"):
        ROUTER.wanted(ROLLOUT, routes(share), {})
