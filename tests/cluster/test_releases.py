"""Flagger's own examples on a cluster: plain kubectl, and users who are counted."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from activities.kube.objects import int_at
from tests.cluster.scenes import in_cluster, shop
from tests.cluster.scenes.hello import EXAMPLES, INGRESS, Hello
from tests.cluster.scenes.stage import Stage, stage
from tests.cluster.scenes.weights import Held
from tests.cluster.session import Cluster, until

NEAR = 3.0
"""Points by which a counted share may differ from the weight."""


@pytest.fixture(scope="module", name="serinus")
async def a_serinus(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Stage]:
    async with stage(cluster, tmp_path_factory.mktemp("serinus")) as serinus:
        await in_cluster.ingress_nginx(cluster, "default", INGRESS)
        yield serinus
        await cluster.kubectl("delete", "namespace", "ingress-nginx")


@pytest.fixture(name="hello")
async def the_examples(
    cluster: Cluster,
    tmp_path: Path,
    serinus: Stage,
) -> AsyncGenerator[Hello]:
    yield (hello := Hello(cluster, tmp_path))
    await hello.gone()
    await cluster.kubectl("delete", "-f", str(EXAMPLES / "hello-app.yaml"))


async def test_the_example_is_released_in_its_weights_taken_back_when_bad_and_deleted(
    hello: Hello,
) -> None:
    await hello.initialised("hello-canary.yaml", "5s")
    async with hello.counted() as (users, weights):
        await hello.release("v2")
        await hello.wait_for("jsonpath={.status.phase}=Progressing")
        await hello.wait_for("condition=promoted")
        assert users.failures == {}
        assert await hello.versions() == {"v2": 96}
        released_in_steps(weights.held())
        before = users.sent
        await hello.release("v3", error_rate="0.5")
        await hello.reaches("Failed")
        assert users.answers["v3"] > 0
        assert users.failures.total() <= 0.1 * (users.sent - before)
        assert await hello.versions() == {"v2": 96}
    await shown_by_kubectl(hello)
    await given_back(hello)


def released_in_steps(held: list[Held]) -> None:
    """Forward as `stepWeights` say, back by 40; each share was counted while it held."""
    assert [each.weight for each in held] == [0, 10, 25, 50, 90, 50, 10, 0], held
    for each in held[1:-1]:
        assert abs(each.share(each.routed) - each.weight) <= NEAR, each
    for each in held[1:5]:
        # No share of the crowd alone: the load test's requests come in between, and the data plane
        # deals all of them in turn.
        assert 0 < each.answered[0] < each.answered[1], each


async def shown_by_kubectl(hello: Hello) -> None:
    """The columns of Flagger's kind."""
    heads, row = (await hello.cluster.kubectl("get", "canaries")).splitlines()
    assert heads.split() == ["NAME", "STATUS", "WEIGHT", "LASTTRANSITIONTIME"]
    assert row.split()[:3] == ["hello", "Failed", "0"]


async def given_back(hello: Hello) -> None:
    """With the Canary goes all that Serinus made; the target is as large as it was."""
    await hello.gone()
    target = await hello.cluster.get("apps/v1", "Deployment", "hello-v1")
    assert int_at(target or {}, "status", "readyReplicas") == 2
    kinds = "deployments,services,ingresses,horizontalpodautoscalers,configmaps,controllerrevisions"
    own = ("flagger-loadtester", "hello-v1", "kubernetes", "podinfo", "kube-root-ca.crt", INGRESS)

    async def cleared() -> bool:
        names = await hello.cluster.kubectl("get", kinds, "-o", "name")
        return {name.partition("/")[2] for name in names.split()} == set(own)

    await until(cleared, "nothing is left of the Canary", 30)


async def test_the_example_in_equal_steps_is_released(hello: Hello) -> None:
    await hello.initialised("hello-canary-steps.yaml", "3s")
    async with hello.counted() as (users, weights):
        await hello.release("v2")
        await hello.reaches("Succeeded")
    assert users.failures == {}
    assert [each.weight for each in weights.held()] == [0, 20, 40, 60, 80, 100, 60, 20, 0]


async def test_the_example_as_blue_green_moves_everybody_at_once_or_nobody(hello: Hello) -> None:
    """Its checks ask for a canary that users meet; during blue/green none does, as in Flagger.

    So the manifest alone is taken back for want of data; a policy says that this is no fault.
    """
    await hello.initialised("hello-bluegreen.yaml", "2s")
    async with hello.counted() as (users, weights):
        await hello.release("v2")
        await hello.reaches("Failed")
        assert "no-data" in await hello.reason()
        await hello.cluster.apply(shop.policy("default", noData="pass"))
        await hello.release("v3")
        await hello.reaches("Succeeded")
    assert users.failures == {}
    assert users.answers["v2"] == 0
    assert [each.weight for each in weights.held()] == [0, 100, 0]
    await hello.cluster.delete("serinus.dev/v1alpha1", "RolloutPolicy", "tests", "default")
