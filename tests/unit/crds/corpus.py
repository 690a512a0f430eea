"""Documents that the models and an API server must judge alike.

`bad` carries what the models refuse, as the tests of the models have it; `good` what they take.
The server is asked in `tests.cluster`; without one, the schema alone is looked at.
"""

import math
from collections.abc import Iterator

from pydantic import JsonValue

from tests.unit.manifests.documents import Document, a_canary, flaggers, ours
from tests.unit.manifests.test_refusals import (
    AB,
    ANALYSES,
    CONDITIONS,
    PROVIDERS,
    SPECS,
)

AFFINITY: Document = {"sessionAffinity": {"cookieName": "c"}}
TCP: Document = {"port": 1, "appProtocol": "TCP"}
BOUND: Document = {"names": ["shop"]}
GIVEN: list[Document] = [
    {}, {"address": "http://a/"}, {"secretRef": {"name": "b"}}, {"region": "eu"},
]  # fmt: skip
BOTH: Document = {**GIVEN[1], **GIVEN[2]}
MIRROR: Document = {"mirror": True}
SCALED: Document = {"kind": "HorizontalPodAutoscaler", "name": "a"}


def on_a_cluster(document: Document) -> bool:
    """Not a document of the local platform, and one that JSON can say."""
    text = repr(document)
    return "'local'" not in text and "'Process'" not in text and _sayable(document)


def _sayable(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return all(_sayable(each) for each in value.values())
    if isinstance(value, list):
        return all(_sayable(each) for each in value)
    return not isinstance(value, float) or math.isfinite(value)


def _canaries() -> Iterator[Document]:
    yield from (a_canary(analysis) for analysis, _, _ in ANALYSES)
    yield from (a_canary(**spec) for spec, _, _ in SPECS)
    yield from (a_canary({name: None}) for name in ("interval", "threshold"))
    yield a_canary(analysis=None)
    yield a_canary({"stepWeight": None, "iterations": None})
    for provider in PROVIDERS:
        yield a_canary({"mirror": True}, provider=provider)
        yield a_canary({"mirror": True, "iterations": 2}, provider=provider)
        yield a_canary({"iterations": 2}, provider=provider)
        yield a_canary(AB, provider=provider)
        yield a_canary(provider=provider)
    for provider, match, _ in CONDITIONS:
        yield a_canary({"iterations": 2, "match": [match]}, provider=provider)
    for analysis in (MIRROR, AB, AFFINITY):
        yield a_canary(analysis, service=TCP)
        yield a_canary(analysis)
    yield from _edges()


def _edges() -> Iterator[Document]:
    """What is right, and close to what is wrong."""
    cookie: Document = {"headers": {"x": {"exact": "1"}, "cookie": {"exact": "canary"}}}
    yield a_canary({"iterations": 2, "match": [cookie]}, provider="nginx")
    yield a_canary({"iterations": 2, "match": [cookie, cookie]}, provider="nginx")
    yield a_canary({"iterations": 2, "match": [cookie, {"headers": {"y": {"exact": "1"}}}]},
                   provider="nginx")  # fmt: skip
    yield a_canary({"stepWeights": list(range(1, 101))})
    yield a_canary({"stepWeight": 30, "maxWeight": 50, "stepWeightPromotion": 100})
    yield a_canary({"stepWeights": [10], "maxWeight": 200})
    yield a_canary({"threshold": -1, "interval": "1m30s"})
    yield a_canary({"interval": "1h"}, provider=None)
    yield a_canary({"iterations": 3, "match": []})
    hook: Document = {"name": "a", "url": "http://a:8080/b?c=d", "type": "", "timeout": "500ms"}
    yield a_canary({"webhooks": [{**hook, "metadata": {"cmd": "hey http://a/"}}]})
    yield a_canary({"alerts": [{"name": "a", "severity": "", "providerRef": {"name": "b"}}]})
    yield a_canary({"metrics": [{"name": "a", "query": "1"}, {"name": "b", "query": ""}]})
    yield a_canary({"metrics": [{"name": "a", "templateRef": {"name": "b"}, "threshold": 0.5}]})
    yield a_canary(service={"port": 80, "targetPort": "http"})
    yield a_canary(service={"port": 80, "targetPort": 70_000})
    yield a_canary(provider="appmesh:v1beta2", service={"port": 1, "targetPort": "8080"})
    yield a_canary(service={"port": 1, "delegation": True})
    yield a_canary(service={"port": 1, "trafficPolicy": {"tls": {"mode": "SIMPLE"}, "any": [1]}})
    yield a_canary(service={"port": 1, "match": [{"uri": {"prefix": "/"}, "headers": {"x": {}}}]})
    yield a_canary(targetRef={"apiVersion": "v1", "kind": "Service", "name": "a"}, service={})
    yield a_canary(autoscalerRef={**SCALED, "primaryScalerReplicas": {"minReplicas": 2}})
    yield a_canary(provider="nginx", service={"port": 1, "timeout": "0s"})
    yield a_canary({"sessionAffinity": {"cookieName": "a b"}})
    suffix: Document = {"headers": {"x": {"suffix": "1"}}}
    yield a_canary({"iterations": 2, "match": [suffix]}, provider="contour")
    yield a_canary({"iterations": 2, "match": [suffix]}, provider="istio")


def _others() -> Iterator[Document]:
    for provider in ("prometheus", "graphite", "datadog", "keptn", "cloudwatch", "promql"):
        for given in GIVEN:
            yield flaggers(
                "MetricTemplate", {"query": "1", "provider": {"type": provider, **given}}
            )
    yield flaggers("MetricTemplate", {"query": "", "provider": {"type": "keptn"}})
    yield flaggers("MetricTemplate", {"provider": {"type": "keptn"}})
    chats: list[Document] = [*GIVEN[:3], BOTH, {"address": "a"}]
    for chat in chats:
        yield flaggers("AlertProvider", {"type": "slack", **chat})
    yield flaggers("AlertProvider", {"type": "irc", "address": "http://a/"})


def _policies() -> Iterator[Document]:
    hook: Document = {"name": "a", "after": "start", "url": "http://a/"}
    specs: list[Document] = [
        {}, {"targets": BOUND}, {"undo": [hook]}, {"undo": [hook, hook]},
        {"undo": [hook, {**hook, "name": "b"}]}, {"supersede": "queue"}, {"supersede": "later"},
        {"guard": {"pValue": 0}}, {"guard": {"pValue": 1}}, {"guard": {"pValue": 0.01}},
        {"guard": {"minLooks": 0}}, {"minInterval": "0s"}, {"minInterval": "1m"},
        {"noData": "hold"}, {"noData": "shrug"}, {"targets": {"selector": {"matchLabels": {}}}},
        {"targets": {"selector": {"matchLabels": {"a": "b"}}}},
        *(_one("alerts", {"name": "a", **receiver}) for receiver in _receivers()),
        *(_one("gates", {"at": "promote", **gate}) for gate in _gates()),
        {"gates": [{"at": "promote"}, {"at": "weight-25"}]},
        {"gates": [{"at": "promote"}, {"at": "promote"}]}, {"gates": [{"people": ["ana"]}]},
    ]  # fmt: skip
    yield from (ours("RolloutPolicy", spec) for spec in specs)


def _one(name: str, entry: Document) -> Document:
    return {name: [entry]}


def _gates() -> Iterator[Document]:
    ben: Document = {"escalateTo": {"people": ["ben"]}}
    gates: list[Document] = [
        {}, {"people": ["ana"], "quorum": 2}, {"people": ["ana", "ben"], "quorum": 2},
        {"groups": ["web"], "quorum": 2}, {"quorum": 0}, {"quorum": 21}, {"quorum": 3},
        {"people": ["ana"], "quorum": 2, "escalateAfter": "1h", **ben}, {"people": [""]},
        {"notAuthor": True, "proven": True}, {"expires": "4h", "onExpiry": "hold"},
        {"onExpiry": "hold"}, {"expires": "4h", "onExpiry": "escalate"}, {"expires": "0s"},
        {"expires": "4h", "onExpiry": "escalate", **ben}, {"expires": "4h", "onExpiry": "shrug"},
        {"expires": "1h", "escalateAfter": "1h30m", **ben}, {"escalateTo": {}}, ben,
        {"expires": "2h", "escalateAfter": "1h30m", **ben}, {"escalateAfter": "1h"},
        {"escalateAfter": "1h", "escalateTo": {"groups": ["web"]}}, {"expires": "4h", **ben},
    ]  # fmt: skip
    yield from gates


def _receivers() -> Iterator[Document]:
    mail = "smtp://bot@a:25/?to=ana@example.com"
    receivers: list[Document] = [*GIVEN[:3], BOTH, {"address": "a"}, {"address": mail}]
    for kind in ("slack", "pagerduty", "webhook", "irc"):
        for given in receivers:
            yield {"type": kind, **given}
    addresses = (mail, "smtps://a/?to=b", "smtp://a/", "smtp://a/?to=", "http://a/?to=b",
                 "smtp://bot:hush@a/?to=b", "smtp:///?to=b", "smtp://a:99999/?to=b")  # fmt: skip
    for address in addresses:
        yield {"type": "email", "address": address}
    yield {"type": "email", "address": mail, "proxy": "http://a/"}
    yield {"type": "webhook", "address": "http://a/", "proxy": "http://a/", "severity": "warn"}
    yield {"type": "webhook", "address": "http://a/", "severity": "fatal"}


def _received(receiver: Document) -> Document:
    return {"receiver": receiver}


def _triggers() -> Iterator[Document]:
    receiver: Document = {"type": "flux", "secretRef": {"name": "a"}}
    whole: Document = {"receiver": receiver, "action": "submit", "targets": BOUND}
    receivers: list[Document] = [
        {"name": "b"}, {"type": "irc"}, {"secretRef": None}, {"keys": []}, {"keys": ["a", "b"]},
        {"algorithms": ["sha512"]}, {"algorithms": ["md5"]}, {"replayWindow": "12h"},
        {"replayWindow": "12h1s"}, {"replayWindow": "0s"}, {"proof": "bearer"},
    ]  # fmt: skip
    specs: list[Document] = [
        {}, {"action": "launch"}, {"action": "abort"}, {"targets": {}}, {"suspend": True},
        {"targets": {"names": []}}, {"targets": {"fromObject": "same"}},
        {"targets": {"fromObject": "owned"}}, {"targets": {"fromObject": "other"}},
        {"match": [{"kind": ["a*"], "metadata": {"env": "b"}}]}, {"match": [{"kind": "a"}]},
        {"targets": {"fromObject": "owned"}, "receiver": {**receiver, "type": "plain"}},
        *(_received({**receiver, **each}) for each in receivers),
    ]  # fmt: skip
    yield from (ours("Trigger", {**whole, **spec}) for spec in specs)


def documents() -> list[Document]:
    """All of them, each once."""
    found = {repr(each): each for each in (*_canaries(), *_others(), *_policies(), *_triggers())}
    return [each for each in found.values() if on_a_cluster(each)]
