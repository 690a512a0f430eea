"""Whole releases on a cluster: Flagger's manifests, kubectl, and users who are counted.

Temporal and the controller run on this machine, the worker in a pod, so that hooks may name
Services. Traefik carries out the routes of nginx, traefik and gatewayapi, kube-proxy those of
kubernetes.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex

import pytest
from pydantic import JsonValue

from activities.kube.objects import int_at
from tests.cluster.scenes import in_cluster, shop, ways
from tests.cluster.scenes.crowd import crowd, shares
from tests.cluster.scenes.engine import CLUSTER, Engine, engine
from tests.cluster.scenes.hello import EXAMPLES, INGRESS, Hello
from tests.cluster.scenes.holding import each_weight
from tests.cluster.scenes.ways import Matching, Way
from tests.cluster.scenes.weights import SETTLED, Held
from tests.cluster.session import Cluster, until
from worker import rollouts
from workflows.model.identity import Slot

ROOT = Path(__file__).parents[2]
SERVED = ("nginx", "traefik", "gatewayapi:v1", "kubernetes")
MATCHED = ("header", "cookie", "both")
NOTHING: Mapping[str, str] = {}
COUNTED = 2_000
"""Requests of each step whose answers are counted."""
NEAR = 3.0
"""Points by which a counted share may differ from the weight."""


@dataclass(frozen=True)
class Stage:
    """A Serinus that serves; `named` says where each way may live."""

    engine: Engine
    named: Mapping[str, str]


def spaces() -> dict[str, str]:
    """A fresh namespace for each way, known before the controller starts."""
    mark = token_hex(3)
    ways_in = (
        "suspended",
        *SERVED,
        *(f"{of}-{name}" for of in ("nginx", "gatewayapi") for name in MATCHED),
    )
    return {name: f"{name.partition(':')[0]}-{mark}" for name in ways_in}


@pytest.fixture(scope="module", name="stage")
async def a_serinus(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Stage]:
    """Serinus, the load tester and ingress-nginx."""
    for path in (ROOT / "deploy" / "crds").glob("*.*.yaml"):
        await cluster.apply(path.read_text())
    await in_cluster.ingress_nginx(cluster, "default", INGRESS)
    await cluster.kubectl("apply", "-f", str(EXAMPLES / "hello-loadtester.yaml"))
    home, named = tmp_path_factory.mktemp("serinus"), spaces()
    more = {
        "SERINUS_NAMESPACES": ",".join(("default", *named.values())),
        "SERINUS_INTERVAL_FLOOR": "1",
    }
    parts = ("temporal", "controller")
    own = await cluster.namespace(f"serinus-{token_hex(3)}")
    async with engine(
        cluster, home, *parts, more=more, temporal_ip=in_cluster.EVERYWHERE
    ) as serinus:
        await cluster.apply(in_cluster.worker(serinus, home, own), own)
        yield Stage(serinus, named)
        await cluster.kubectl("delete", "namespace", own)
    await cluster.kubectl("delete", "-f", str(EXAMPLES / "hello-loadtester.yaml"))
    await cluster.kubectl("delete", "namespace", "ingress-nginx")


@pytest.fixture(scope="module", name="namespaces")
async def where_ways_live(stage: Stage) -> Mapping[str, str]:
    return stage.named


@pytest.fixture(name="hello")
async def the_examples(
    cluster: Cluster,
    tmp_path: Path,
    namespaces: Mapping[str, str],
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


async def test_every_way_loses_no_request_and_takes_a_bad_version_back(
    cluster: Cluster, stage: Stage
) -> None:
    weighted = [Way(cluster, stage.named[name], name) for name in SERVED[:-1]]
    plain = Way(cluster, stage.named["kubernetes"], "kubernetes")
    await asyncio.gather(
        *(good_then_bad(way, ways.WEIGHTS, stage.engine) for way in weighted),
        good_then_bad(plain, tried(plain.namespace), stage.engine),
    )


def tried(namespace: str) -> Mapping[str, JsonValue]:
    """No user meets a canary behind kubernetes: a hook asks it what it answers."""
    ask: JsonValue = {
        "name": "answers",
        "type": "rollout",
        "url": "http://flagger-loadtester.default/",
        "metadata": {"type": "bash", "cmd": f"curl -sf http://shop-canary.{namespace}/"},
    }
    return {"iterations": 2, "threshold": 1, "webhooks": [ask]}


async def good_then_bad(way: Way, analysis: Mapping[str, JsonValue], serinus: Engine) -> None:
    try:
        await way.initialised(analysis)
        async with crowd(await way.url(), 30, Host=way.host) as users:
            await way.release("v2")
            await way.reaches("Progressing")
            if analysis is ways.WEIGHTS:
                await counted_in_each_step(way, serinus)
            await way.reaches("Succeeded")
            assert (way.provider, users.failures) == (way.provider, {})
            # A hook asks twice only, of two pods that each fail every so many requests.
            await way.release("v3", error_rate="1" if way.provider == "kubernetes" else "0.5")
            await way.reaches("Failed")
        assert users.failures.total() <= 0.1 * users.sent, (way.provider, users)
        assert await shares(await way.url(), 80, Host=way.host) == {"v2": 80}, way.provider
    finally:
        await way.leave()


async def counted_in_each_step(way: Way, serinus: Engine) -> None:
    """2,000 requests while a weight holds; `until` waits for the data plane to have it."""
    slot, seen = Slot(cluster=CLUSTER, namespace=way.namespace, name="shop"), list[int]()
    async for weight in each_weight(serinus.client, slot):
        seen.append(weight)
        await asyncio.sleep(SETTLED)
        met = await shares(await way.url(), COUNTED, Host=way.host)
        assert set(met) == {"v1", "v2"}, (way.provider, met)
        assert abs(100 * met["v2"] / COUNTED - weight) <= NEAR, (way.provider, weight, met)
    assert seen == ways.WEIGHTS["stepWeights"]


async def test_a_suspended_manifest_pauses_what_runs_and_lets_it_go_on(
    cluster: Cluster, stage: Stage
) -> None:
    way = Way(cluster, stage.named["suspended"], "traefik")
    slot = Slot(cluster=CLUSTER, namespace=way.namespace, name="shop")

    async def suspend(value: str) -> None:
        patch = f'{{"spec": {{"suspend": {value}}}}}'
        change = ("--type=merge", "-p", patch, "--namespace", way.namespace)
        await cluster.kubectl("patch", "canary", "shop", *change)

    async def paused() -> bool:
        return (await rollouts.status(stage.engine.client, slot)).paused

    try:
        await way.initialised(ways.WEIGHTS)
        await way.release("v2")
        await way.reaches("Progressing")
        await suspend("true")
        await until(paused, "the rollout is paused", 30)
        await suspend("false")
        await way.reaches("Succeeded")
    finally:
        await way.leave()


async def test_those_who_match_meet_the_canary(
    cluster: Cluster, namespaces: Mapping[str, str]
) -> None:
    await asyncio.gather(
        *(
            matched(Way(cluster, namespaces[f"{of.name}-{by}"], of.provider), of, by)
            for of in ways.MATCHING
            for by in MATCHED
        )
    )


async def all_match(way: Way, url: str, of: Matching) -> bool:
    found = await shares(url, 8, Host=way.host, **of.headers, **of.cookies)
    return set(found) == {"v2"}


async def matched(way: Way, of: Matching, by: str) -> None:
    """While the canary is tried, only those who match meet it; then everybody."""
    rules = {"header": [of.header], "cookie": [of.cookie], "both": [of.header, of.cookie]}[by]
    try:
        await way.initialised({"iterations": 4, "match": [dict(rule) for rule in rules]})
        url, to_canary = await way.url(), {"v2": 80}
        async with crowd(url, 20, Host=way.host) as others:
            await way.release("v2")
            await until(partial(all_match, way, url, of), "who matches meets the canary", 60)
            met = [
                await shares(url, 80, Host=way.host, **sent)
                for sent in (NOTHING, of.headers, of.cookies)
            ]
            on_others = dict(others.answers)
            await way.reaches("Succeeded")
        expected = [
            {"v1": 80},
            to_canary if of.header in rules else {"v1": 80},
            to_canary if of.cookie in rules else {"v1": 80},
        ]
        assert met == expected, (way.namespace, met)
        assert set(on_others) == {"v1"}
        assert others.failures == {}
    finally:
        await way.leave()
