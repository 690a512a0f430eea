"""Each way of routing through its data plane: nobody loses a request, every share is counted.

Traefik carries out the routes of nginx, traefik and gatewayapi, kube-proxy those of kubernetes,
Envoy those of contour.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from functools import partial

import pytest
from pydantic import JsonValue
from temporalio.client import Client

from tests.cluster.scenes import data_planes, ways
from tests.cluster.scenes.crowd import crowd, shares
from tests.cluster.scenes.engine import CLUSTER
from tests.cluster.scenes.holding import each_weight
from tests.cluster.scenes.stage import Stage, stage
from tests.cluster.scenes.ways import Matching, Way
from tests.cluster.scenes.weights import SETTLED
from tests.cluster.session import Cluster, until
from worker import rollouts
from workflows.model.identity import Slot

SERVED = ("nginx", "traefik", "gatewayapi:v1", "kubernetes")
BESIDE = ("contour", "skipper", "contour-header")
MATCHED = ("header", "cookie", "both")
MATCHING = tuple(f"{of.name}-{by}" for of in ways.MATCHING for by in MATCHED)
NOTHING: Mapping[str, str] = {}
COUNTED = 2_000
"""Requests of each step whose answers are counted."""
NEAR = 3.0
"""Points by which a counted share may differ from the weight."""


@pytest.fixture(scope="module", name="stage")
async def a_serinus(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Stage]:
    home = tmp_path_factory.mktemp("serinus")
    async with stage(cluster, home, "suspended", *SERVED, *BESIDE, *MATCHING) as serinus:
        yield serinus


async def test_every_way_loses_no_request_and_takes_a_bad_version_back(
    cluster: Cluster, stage: Stage
) -> None:
    weighted = [Way(cluster, stage.spaces[name], name) for name in SERVED[:-1]]
    plain = Way(cluster, stage.spaces["kubernetes"], "kubernetes")
    await asyncio.gather(
        *(good_then_bad(way, ways.WEIGHTS, stage.client) for way in weighted),
        good_then_bad(plain, tried(plain.namespace, {"iterations": 2}), stage.client),
    )


async def test_contour_and_skipper_do_it_too(cluster: Cluster, stage: Stage) -> None:
    try:
        envoy, skipper = await data_planes.contour(cluster), await data_planes.skipper(cluster)
        by_weight = (
            Way(cluster, stage.spaces["contour"], "contour", envoy),
            Way(cluster, stage.spaces["skipper"], "skipper", skipper),
        )
        by_header = Way(cluster, stage.spaces["contour-header"], "contour", envoy)
        await asyncio.gather(
            *(
                good_then_bad(way, tried(way.namespace, ways.WEIGHTS), stage.client)
                for way in by_weight
            ),
            matched(by_header, ways.MATCHING[0], "header"),
        )
    finally:
        await data_planes.gone(cluster)


def tried(namespace: str, steps: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Where nothing counts what users get, a hook asks the canary what it answers."""
    ask: JsonValue = {
        "name": "answers",
        "type": "rollout",
        "url": "http://flagger-loadtester.default/",
        "metadata": {"type": "bash", "cmd": f"curl -sf http://shop-canary.{namespace}/"},
    }
    return {**steps, "threshold": 1, "webhooks": [ask]}


async def good_then_bad(way: Way, analysis: Mapping[str, JsonValue], client: Client) -> None:
    try:
        await way.initialised(analysis)
        async with crowd(await way.url(), 30, Host=way.host) as users:
            await way.release("v2")
            await way.reaches("Progressing")
            if "stepWeights" in analysis:
                await counted_in_each_step(way, client)
            await way.reaches("Succeeded")
            assert (way.provider, users.failures) == (way.provider, {})
            # A hook asks twice only, of two pods that each fail every so many requests.
            await way.release("v3", error_rate="1" if "webhooks" in analysis else "0.5")
            await way.reaches("Failed")
        assert users.failures.total() <= 0.1 * users.sent, (way.provider, users)
        assert await shares(await way.url(), COUNTED, Host=way.host) == {"v2": COUNTED}, (
            way.provider
        )
    finally:
        await way.leave()


async def counted_in_each_step(way: Way, client: Client) -> None:
    """2,000 requests while a weight holds; `until` waits for the data plane to have it."""
    slot, seen = Slot(cluster=CLUSTER, namespace=way.namespace, name="shop"), list[int]()
    async for weight in each_weight(client, slot):
        seen.append(weight)
        await asyncio.sleep(SETTLED)
        met = await shares(await way.url(), COUNTED, Host=way.host)
        assert set(met) == {"v1", "v2"}, (way.provider, met)
        assert abs(100 * met["v2"] / COUNTED - weight) <= NEAR, (way.provider, weight, met)
    assert seen == ways.WEIGHTS["stepWeights"]


async def test_a_suspended_manifest_pauses_what_runs_and_lets_it_go_on(
    cluster: Cluster, stage: Stage
) -> None:
    way = Way(cluster, stage.spaces["suspended"], "traefik")
    slot = Slot(cluster=CLUSTER, namespace=way.namespace, name="shop")

    async def suspend(value: str) -> None:
        patch = f'{{"spec": {{"suspend": {value}}}}}'
        change = ("--type=merge", "-p", patch, "--namespace", way.namespace)
        await cluster.kubectl("patch", "canary", "shop", *change)

    async def paused() -> bool:
        return (await rollouts.status(stage.client, slot)).paused

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


async def test_those_who_match_meet_the_canary(cluster: Cluster, stage: Stage) -> None:
    await asyncio.gather(
        *(
            matched(Way(cluster, stage.spaces[f"{of.name}-{by}"], of.provider), of, by)
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
