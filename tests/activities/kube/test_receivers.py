"""Triggers, keys and targets of a cluster, and a hint about one; against objects in memory."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from temporalio.exceptions import ApplicationError

from activities.kube.objects import KubeObject, Ref
from tests.activities.kube.canaries import CANARY, SLOT, canary, deployment
from tests.activities.kube.test_planning import Scene
from tests.fakes_kube import InMemoryKube
from worker.gateway.kube_resources import KubeResources
from worker.gateway.problems import Problem
from worker.gateway.receivers.coalescing import Coalescer
from worker.gateway.receivers.deliveries import Handed, State
from worker.gateway.receivers.knowing import Known
from worker.gateway.receivers.receiving import Receiving
from worker.gateway.receivers.secrets import KubeSecrets
from worker.gateway.receivers.signing import sign
from worker.gateway.rendering import plain
from workflows.errors import Reason, failure, reason_of
from workflows.model.delivery import DeliveryInput
from workflows.model.requests import LookRequest, Outcome
from workflows.model.trigger import Sender, TriggerAction

KEY = b"\xff\x00 a key is bytes\n"
NOW = 1_770_000_000.0
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
BODY = json.dumps(
    {
        "involvedObject": {"kind": "Kustomization", "namespace": "flux-system", "name": "web"},
        "severity": "info",
        "timestamp": "2026-02-02T02:39:00Z",
        "reason": "ReconciliationSucceeded",
    }
).encode()


def owned_canary() -> KubeObject:
    found = dict(canary())
    labels: dict[str, JsonValue] = {f"{KUSTOMIZE}/name": "web",
                                    f"{KUSTOMIZE}/namespace": "flux-system"}  # fmt: skip
    found["metadata"] = {"name": "web", "namespace": "shop", "labels": labels}
    return found


def trigger(name: str = "flux", **spec: JsonValue) -> KubeObject:
    receiver: dict[str, JsonValue] = {
        "type": "flux", "name": "flux", "secretRef": {"name": "flux-key"}}  # fmt: skip
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "Trigger",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"receiver": receiver, "action": "submit",
                 "targets": {"fromObject": "owned"}, **spec},
    }  # fmt: skip


def secret(key: bytes = KEY) -> KubeObject:
    data: JsonValue = {"token": base64.b64encode(key).decode()}
    return {"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "flux-key", "namespace": "shop"}, "data": data}  # fmt: skip


class HandedOver:
    """Temporal, as far as a receiver sees it."""

    def __init__(self) -> None:
        self.orders: list[DeliveryInput] = []

    async def __call__(self, order: DeliveryInput) -> Handed:
        self.orders.append(order)
        return Handed(order, State.ACCEPTED)


@asynccontextmanager
async def open_hooks(kube: InMemoryKube, orders: HandedOver) -> AsyncGenerator[httpx.AsyncClient]:
    known = Known.of(KubeResources(kube, SLOT.cluster), KubeSecrets(kube))
    receiving = Receiving(known, Coalescer(orders, lambda: 0.0), lambda: NOW, lambda: 0.0)
    hooks = [Route(f"/{sender}/{{receiver}}", receiving.at(sender), methods=["POST"])
             for sender in Sender]  # fmt: skip
    app = Starlette(routes=[Mount("/hooks", routes=hooks)], exception_handlers={Problem: _rendered})
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        yield http


async def _rendered(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return plain(error, "0")


async def deliver(http: httpx.AsyncClient, key: bytes = KEY) -> httpx.Response:
    headers = {"X-Signature": sign(key, BODY)}
    return await http.post("/hooks/flux/flux", content=BODY, headers=headers)


async def test_event_of_a_kustomization_reaches_the_canary_that_it_applied() -> None:
    kube, orders = InMemoryKube(owned_canary(), trigger(), secret()), HandedOver()
    async with open_hooks(kube, orders) as http:
        assert (await deliver(http)).status_code == 202
    (order,) = orders.orders
    assert (order.slot, order.action) == (SLOT, TriggerAction.SUBMIT)
    assert order.by == "trigger shop/flux"


async def test_manifests_that_are_wrong_hold_up_nobody_else() -> None:
    wrong = trigger("wrong", action="launch")
    kube, orders = InMemoryKube(owned_canary(), trigger(), wrong, secret()), HandedOver()
    async with open_hooks(kube, orders) as http:
        assert (await deliver(http)).status_code == 202
    assert len(orders.orders) == 1


async def test_key_counts_byte_for_byte() -> None:
    kube, orders = InMemoryKube(owned_canary(), trigger(), secret()), HandedOver()
    async with open_hooks(kube, orders) as http:
        assert (await deliver(http, KEY + b" ")).status_code == 401
        assert (await deliver(http)).status_code == 202


async def test_a_cluster_without_our_kind_has_no_receiver() -> None:
    kube = InMemoryKube(owned_canary(), not_installed=frozenset({"Trigger"}))
    async with open_hooks(kube, HandedOver()) as http:
        assert (await deliver(http)).status_code == 404


async def test_a_cluster_that_does_not_answer_is_trouble_and_no_verdict() -> None:
    kube = InMemoryKube(owned_canary(), trigger(), secret())
    async with open_hooks(kube, HandedOver()) as http:
        for kind in ("Trigger", "Secret", "Canary"):
            kube.refuse = partial(_refused, kind)
            answer = await deliver(http)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), kind


def _refused(kind: str, _verb: str, ref: Ref) -> Exception | None:
    down = failure(Reason.CLUSTER_UNREACHABLE, "no answer", retryable=True)
    return down if ref.kind == kind else None


async def test_missing_secret_says_which() -> None:
    with pytest.raises(ApplicationError, match="shop/gone") as refused:
        await KubeSecrets(InMemoryKube()).read("shop", "gone")
    assert reason_of(refused.value) is Reason.SECRET_MISSING


async def test_only_what_no_run_has_looked_at_is_news() -> None:
    scene = Scene(canary(), deployment())
    look = LookRequest(slot=SLOT)
    assert (await scene.planning.look(look)).is_news
    _, one = await scene.prepare(1)
    assert not (await scene.planning.look(look)).is_news
    await scene.promoted(1, one)
    await scene.close(1, Outcome.INITIALISED, one)
    scene.kube.put(deployment("web:2"))
    assert (await scene.planning.look(look)).is_news
    _, two = await scene.prepare(2)
    await scene.close(2, Outcome.ROLLED_BACK, two)
    failed = await scene.planning.look(look)
    assert (failed.revision, failed.is_news) == (two, False)
    scene.kube.put(deployment("web:1"))
    assert not (await scene.planning.look(look)).is_news
    scene.kube.put(deployment("web:3"))
    assert (await scene.planning.look(look)).is_news


async def test_what_was_undone_is_no_news() -> None:
    scene = Scene(canary(), deployment())
    look = LookRequest(slot=SLOT)
    for generation, image in enumerate(("web:1", "web:2"), start=1):
        scene.kube.put(deployment(image))
        _, revision = await scene.prepare(generation)
        await scene.promoted(generation, revision)
        await scene.close(generation, Outcome.PROMOTED, revision)
    _, before = await scene.prepare(3, previous=True)
    await scene.promoted(3, before)
    await scene.close(3, Outcome.PROMOTED, before)
    seen = await scene.planning.look(look)
    assert (seen.promoted_revision, seen.revision == before) == (before, False)
    assert not seen.is_news
    applied = [told.last_applied for told in scene.words.told if told.last_applied]
    assert applied[-1] == seen.revision


async def test_a_target_that_is_gone_is_no_news() -> None:
    scene = Scene(canary())
    assert not (await scene.planning.look(LookRequest(slot=SLOT))).is_news
    scene.kube.drop(CANARY)
    assert not (await scene.planning.look(LookRequest(slot=SLOT))).is_news
