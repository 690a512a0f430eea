"""The state of a slot in a ConfigMap: fenced, owned, and read back as it was written."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml
from temporalio.exceptions import ApplicationError

from activities.claims import KEPT_OUTCOMES, Claim, PastRun
from activities.kube.objects import Ref, maps_at, text_at
from activities.kube.state import CanarySnapshot, KubeState
from activities.kube.store import KubeStore
from tests.activities.kube.canaries import SLOT, STATE, canary
from tests.builders import a_plan
from tests.fakes_kube import InMemoryKube
from workflows.errors import Reason, reason_of
from workflows.model.canary import Canary
from workflows.model.identity import Fence, Slot
from workflows.model.manifest import parse
from workflows.model.plan import Routes
from workflows.model.requests import Outcome

SEEDS = Path(__file__).parents[3] / "examples"


def fence(sequence: int, generation: int = 1) -> Fence:
    return Fence(run_id=f"run-{generation}", generation=generation, sequence=sequence)


def snapshot(uid: str = "uid-of-web") -> CanarySnapshot:
    manifest = parse(dict(canary()))
    assert isinstance(manifest, Canary)
    read = CanarySnapshot.of(manifest, ("app", "web"))
    return read.model_copy(update={"uid": uid})


async def claimed(store: KubeStore, sequence: int = 1) -> KubeState:
    claim = Claim(workflow_id=SLOT.workflow_id, run_id="run-1", plan=a_plan(10, 50))
    async with store.write(SLOT, fence(sequence)) as edit:
        await edit.save(edit.state.but(claim=claim, canary=snapshot(), step="start"))
        return edit.state


async def test_what_was_saved_is_read() -> None:
    kube = InMemoryKube()
    saved = await claimed(KubeStore(kube, "here"))

    assert await KubeStore(kube, "here").read(SLOT) == saved
    (owner,) = maps_at(kube.get(STATE), "metadata", "ownerReferences")
    assert (owner["kind"], owner["uid"]) == ("Canary", "uid-of-web")


async def test_nothing_is_known_of_a_slot_nobody_wrote_to() -> None:
    assert await KubeStore(InMemoryKube(), "here").read(SLOT) == KubeState()


async def test_nothing_is_kept_without_a_canary_to_take_it_away() -> None:
    kube = InMemoryKube()
    async with KubeStore(kube, "here").write(SLOT, fence(1)) as edit:
        await edit.save(edit.state.but(routes=Routes(primary=100, canary=0)))
    assert kube.refs == set()


async def test_an_older_write_is_refused_before_it_does_anything() -> None:
    kube = InMemoryKube()
    store = KubeStore(kube, "here")
    await claimed(store, 5)
    with pytest.raises(ApplicationError) as refused:
        async with store.write(SLOT, fence(4)):
            raise AssertionError("it may not begin")
    with pytest.raises(ApplicationError):
        await store.refuse_overtaken(SLOT, fence(4))
    await store.refuse_overtaken(SLOT, fence(5))

    assert reason_of(refused.value) is Reason.FENCED
    assert refused.value.non_retryable


async def test_a_write_that_begins_shuts_older_ones_out_at_once() -> None:
    store = KubeStore(InMemoryKube(), "here")
    await claimed(store, 1)
    async with store.write(SLOT, fence(2)) as slow:
        async with store.write(SLOT, fence(3)) as quick:
            await quick.save(quick.state.but(step="quick"))
        with pytest.raises(ApplicationError) as refused:
            await slow.save(slow.state.but(step="slow"))

    assert reason_of(refused.value) is Reason.CONFLICT
    assert (await store.read(SLOT)).step == "quick"


async def test_a_race_for_the_beginning_has_one_newest() -> None:
    kube = InMemoryKube()
    store = KubeStore(kube, "here")
    state = await claimed(store, 1)
    raced: list[int] = []

    def race(verb: str, ref: Ref) -> Exception | None:
        if verb == "replace" and not raced:
            raced.append(1)
            text = state.but(fence=fence(9)).model_dump_json(by_alias=True)
            kube.merge_now(STATE, {"data": {"state.json": text}})
        return None

    kube.refuse = race
    with pytest.raises(ApplicationError) as refused:
        async with store.write(SLOT, fence(2)):
            raise AssertionError("it may not begin")
    assert reason_of(refused.value) is Reason.FENCED


async def test_the_same_again_costs_one_read() -> None:
    kube = InMemoryKube()
    store = KubeStore(kube, "here")
    await claimed(store)
    kube.requests.clear()
    async with store.write(SLOT, fence(1)) as edit:
        await edit.save(edit.state)
    assert kube.counts == {"read ConfigMap": 1}


async def test_all_slots_are_found_in_one_request() -> None:
    kube = InMemoryKube({"apiVersion": "v1", "kind": "ConfigMap",
                         "metadata": {"name": "x-serinus", "namespace": "shop"}})  # fmt: skip
    store = KubeStore(kube, "here")
    await claimed(store)
    kube.requests.clear()

    assert await store.slots() == (SLOT,)
    assert await store.slots(("other",)) == ()
    assert kube.counts == {"list ConfigMap": 2}
    assert (await store.states(("shop",)))[0][0] == Slot(
        cluster="here", namespace="shop", name="web"
    )


async def test_a_garbled_state_says_where_it_is() -> None:
    kube = InMemoryKube()
    store = KubeStore(kube, "here")
    await claimed(store)
    kube.merge_now(STATE, {"data": {"state.json": "{"}})
    with pytest.raises(ApplicationError, match="shop/web-serinus cannot be read") as refused:
        await store.read(SLOT)
    assert not refused.value.non_retryable


async def test_a_full_history_fits_into_a_config_map() -> None:
    kube = InMemoryKube()
    store = KubeStore(kube, "here")
    state = await claimed(store)
    run = PastRun(revision="s1-0123456789abcdef", outcome=Outcome.ROLLED_BACK,
                  message="x" * 500, started_at=1, ended_at=2)  # fmt: skip
    for _ in range(KEPT_OUTCOMES + 5):
        state = state.and_past(run)
    async with store.write(SLOT, fence(2)) as edit:
        await edit.save(state.but(fence=fence(2)))

    assert len((await store.read(SLOT)).history) == KEPT_OUTCOMES
    assert len(text_at(kube.get(STATE), "data", "state.json")) < 100_000


def _specs() -> Sequence[Mapping[str, object]]:
    texts = [path.read_text() for path in sorted(SEEDS.rglob("*.yaml"))]
    found = [doc for text in texts for doc in yaml.safe_load_all(text) if doc]
    rich = dict(canary(
        service={"port": 80, "timeout": "1m30s", "headers": {"request": {"add": {"x": "y"}}},
                 "match": [{"uri": {"prefix": "/"}}], "trafficPolicy": {"tls": {"mode": "DISABLE"}},
                 "corsPolicy": {"allowOrigins": [{"exact": "a"}], "maxAge": "24h"},
                 "retries": {"attempts": 3, "perTryTimeout": "1s"}},
        analysis={"interval": "1m", "threshold": 5.0, "iterations": 3,
                  "match": [{"headers": {"cookie": {"regex": ".*x"}}}],
                  "metrics": [{"name": "latency", "interval": "1m", "thresholdRange": {"max": 0.5},
                               "templateRef": {"name": "t", "namespace": "n"},
                               "templateVariables": {"a": "b"}}],
                  "webhooks": [{"name": "h", "type": "pre-rollout", "url": "http://a/",
                                "timeout": "5s", "metadata": {"k": "v"}}],
                  "alerts": [{"name": "a", "severity": "warn", "providerRef": {"name": "p"}}],
                  "sessionAffinity": {"cookieName": "c", "maxAge": 10}},
        autoscalerRef={"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
                       "name": "web"},
        skipAnalysis=False, revertOnDeletion=True, provider="istio",
    ))  # fmt: skip
    return [rich, dict(canary()), *(doc for doc in found if doc.get("kind") == "Canary")]


@pytest.mark.parametrize("manifest", _specs())
def test_a_canary_is_read_back_as_it_was(manifest: Mapping[str, object]) -> None:
    found = parse(manifest)
    assert isinstance(found, Canary)
    state = KubeState(canary=CanarySnapshot.of(found))
    again = KubeState.model_validate_json(state.model_dump_json(by_alias=True))

    assert again == state
    assert again.canary is not None
    assert again.canary.spec == found.spec
