"""A real API server takes our custom resources, and judges manifests exactly as the models do."""

import asyncio
import json
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import JsonValue, TypeAdapter

from activities.kube.objects import KubeObject, maps_at, text_at
from tests.cluster.rest import Refused
from tests.cluster.session import Cluster
from tests.unit.crds.corpus import documents, on_a_cluster
from tests.unit.manifests.documents import Document, a_canary, problems
from tests.unit.manifests.strategies import manifests
from worker.crds.kinds import files, kinds
from workflows.model.manifest import Manifest

SPACE = "custom-resources"
AT_ONCE = 8
_DOCUMENT = TypeAdapter(Document)
Fields = dict[str, JsonValue]


class Answer(NamedTuple):
    """What the server made of a document: the object, or the causes of its refusal."""

    made: KubeObject
    causes: list[Fields]


class Judge:
    """Asks the server what it would do."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, document: Document) -> Answer:
        where = (text_at(document, "apiVersion"), text_at(document, "kind"))
        path = await self._cluster.objects.path(*where, SPACE)
        query = "?dryRun=All&fieldValidation=Strict"
        unmade: KubeObject = {**document, "metadata": {"name": "never-made"}}
        async with self._slots:
            try:
                return Answer(await self._cluster.rest.ask("POST", path + query, unmade), [])
            except Refused as refused:
                status = _DOCUMENT.validate_json(str(refused).partition(": ")[2])
                return Answer({}, list(maps_at(status, "details", "causes")) or [status])


@pytest.fixture(scope="module", name="judge")
async def a_judge(cluster: Cluster) -> Judge:
    await cluster.namespace(SPACE)
    await cluster.apply("---\n".join(files().values()))
    return Judge(cluster)


def sent(document: Document) -> Fields:
    """The spec as an API server keeps it: without nulls, with the one default that is stored."""
    spec = _without_nulls(document["spec"])
    assert isinstance(spec, dict)
    analysis = spec.get("analysis")
    if isinstance(analysis, dict) and isinstance(analysis.get("sessionAffinity"), dict):
        affinity = analysis["sessionAffinity"]
        assert isinstance(affinity, dict)
        affinity.setdefault("maxAge", 86_400)
    return spec


def _without_nulls(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


async def test_good_documents_are_kept_as_they_are(judge: Judge) -> None:
    good = [each for each in documents() if not problems(each)]
    answers = await asyncio.gather(*map(judge, good))
    for document, answer in zip(good, answers, strict=True):
        assert not answer.causes, json.dumps(document)
        assert answer.made["spec"] == sent(document)


async def test_bad_documents_are_refused_where_the_models_say(judge: Judge) -> None:
    bad = [(each, found) for each in documents() if (found := problems(each))]
    answers = await asyncio.gather(*(judge(document) for document, _ in bad))
    for (document, found), answer in zip(bad, answers, strict=True):
        fields = [text_at(cause, "field") for cause in answer.causes]
        assert any(
            problem.path.startswith(field) for problem in found for field in fields if field
        ), f"{json.dumps(document)}: {answer.causes}"


async def test_every_rule_refuses_something_in_its_own_words(judge: Judge) -> None:
    answers = await asyncio.gather(*map(judge, documents()))
    said = "\n".join(text_at(cause, "message") for answer in answers for cause in answer.causes)
    written = "".join(files().values())
    messages = {rule for kind in kinds() for rule in _messages(kind.definition())}
    assert len(messages) > 30
    assert len(messages) <= written.count("message:")
    assert not [message for message in messages if message not in said]


def _messages(value: JsonValue) -> set[str]:
    if isinstance(value, list):
        return set[str]().union(*map(_messages, value))
    if not isinstance(value, dict):
        return set()
    own = {str(value["message"])} if "rule" in value else set[str]()
    return own.union(*map(_messages, value.values()))


def generated() -> list[Document]:
    """Manifests of every kind that the models take."""
    found: list[Document] = []

    @settings(max_examples=150, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip
    @given(manifests)
    def collect(manifest: Manifest) -> None:
        document = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
        if on_a_cluster(document):
            found.append(document)

    collect()
    return found


async def test_whatever_the_models_take_is_kept(judge: Judge) -> None:
    made = generated()
    assert len(made) > 50
    for document, answer in zip(made, await asyncio.gather(*map(judge, made)), strict=True):
        assert not answer.causes, json.dumps(document)
        assert answer.made["spec"] == sent(document)


async def test_status_is_a_subresource_that_drops_nothing_of_ours(
    cluster: Cluster, judge: Judge
) -> None:
    status: Fields = {
        "phase": "Progressing", "canaryWeight": 10, "failedChecks": 0, "iterations": -1,
        "lastAppliedSpec": "a", "lastPromotedSpec": "b", "trackedConfigs": {"configmap/a": "1"},
        "sessionAffinityCookie": "a=b", "previousSessionAffinityCookie": "a=c",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
        "workflowId": "rollout/cluster/a/b", "reason": "Breach",
        "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Progressing",
                        "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
                        "lastUpdateTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}],
    }  # fmt: skip
    applied: KubeObject = {**a_canary(), "status": {"phase": "Failed"}}
    await cluster.apply(applied, SPACE)
    where = await cluster.objects.path("flagger.app/v1beta1", "Canary", SPACE, "shop")
    patch = "application/merge-patch+json"
    query = "/status?fieldValidation=Strict"
    made = await cluster.rest.ask("PATCH", where + query, {"status": status}, patch)
    assert made["status"] == status
    await cluster.apply(applied, SPACE)
    assert (await cluster.rest.ask("GET", where))["status"] == status


async def test_kubectl_shows_flaggers_columns(cluster: Cluster, judge: Judge) -> None:
    await cluster.apply(a_canary({"mirror": True}), SPACE)
    header, *_ = (await cluster.kubectl("get", "canaries", "-n", SPACE)).splitlines()
    assert header.split() == ["NAME", "STATUS", "WEIGHT", "LASTTRANSITIONTIME"]
    wide, *_ = (await cluster.kubectl("get", "canary", "-n", SPACE, "-o", "wide")).splitlines()
    assert wide.split() == [
        "NAME", "STATUS", "WEIGHT", "SUSPENDED", "FAILEDCHECKS", "INTERVAL", "MIRROR",
        "STEPWEIGHT", "STEPWEIGHTS", "MAXWEIGHT", "LASTTRANSITIONTIME",
    ]  # fmt: skip
