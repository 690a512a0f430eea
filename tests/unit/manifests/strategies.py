"""Hypothesis strategies for manifests of every kind, with strings that YAML likes to misread."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from hypothesis import strategies as st

from activities.manifests import Manifest
from tests.unit.manifests.documents import a_canary
from workflows.model.check_spec import SUCCESS_RATE
from workflows.model.manifest import parse
from workflows.model.quantity import format_duration

Anything = st.SearchStrategy[object]


def a_whole(api_version: str, kind: str, spec: object) -> dict[str, object]:
    """A document of any kind."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "shop"}, "spec": spec}


def a_whole_canary(
    spec: dict[str, object], labels: dict[str, str], suspend: bool
) -> dict[str, object]:
    """A Canary on Istio with everything given."""
    given = a_canary()["spec"]
    assert isinstance(given, dict)
    document = a_whole("flagger.app/v1beta1", "Canary", {**given, **spec, "suspend": suspend})
    return {**document, "metadata": {"name": "shop", "labels": labels, "annotations": labels}}


def name_of(hook: dict[str, object]) -> str:
    """What tells undo hooks apart."""
    return str(hook["name"])


def go_syntax(microseconds: int) -> str:
    """A duration as it stands in a manifest."""
    return format_duration(timedelta(microseconds=microseconds))


def up(weights: set[int]) -> list[int]:
    """Weights in the only order that is allowed."""
    return sorted(weights)


words = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
tricky = texts | st.sampled_from(
    ["yes", "null", "~", "1e-5", "12:30", "0x1", "010", "2024-01-01", "1.0", "", " a", "#", "- x"]
)
labels = st.dictionaries(words, tricky, max_size=3)
seconds = st.sampled_from([1, 5, 10, 30, 60, 90, 600, 3600]).map((10**6).__mul__)
durations = (st.integers(1, 10**12) | seconds).map(go_syntax)
ports = st.integers(1, 65_535)
flags = st.booleans()


def objects(
    required: Mapping[str, Anything], **optional: Anything
) -> st.SearchStrategy[dict[str, object]]:
    """Objects that have all required fields and any of the optional ones."""
    return st.fixed_dictionaries(required, optional=optional)


json_values: Anything = st.recursive(
    st.booleans() | st.integers(-(10**6), 10**6) | tricky,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
text_matches = st.one_of(
    *(objects({form: tricky}) for form in ("exact", "prefix", "regex")),
    st.just(dict[str, object]()),
)
metrics = st.one_of(
    objects(
        {"name": st.just(SUCCESS_RATE)},
        interval=durations,
        threshold=st.floats(0, 100),
        thresholdRange=objects({"min": st.floats(0, 50), "max": st.integers(50, 100)}),
    ),
    objects({"name": words, "query": words}, templateVariables=labels),
    objects({"name": words, "templateRef": objects({"name": words}, namespace=words)}),
)
webhooks = objects(
    {"name": tricky.filter(bool), "url": st.sampled_from(["http://a/", "https://b.c:1/d?e=f"])},
    type=st.sampled_from(["", "rollout", "confirm-promotion", "event"]),
    timeout=durations,
    retries=st.integers(0, 5) | st.just(2.0),
    disableTLS=flags,
    muteAlert=flags,
    metadata=labels,
)
alerts = objects(
    {"name": words, "providerRef": objects({"name": words})},
    severity=st.sampled_from(["", "info", "warn", "error"]),
)
affinity = objects(
    {"cookieName": st.just("flagger")},
    primaryCookieName=st.just("primary"),
    maxAge=st.integers(0, 10**6),
    secure=flags,
    sameSite=st.sampled_from(["Strict", "Lax", "None"]),
)
shared: dict[str, Anything] = {
    "metrics": st.lists(metrics, max_size=3),
    "webhooks": st.lists(webhooks, max_size=3),
    "alerts": st.lists(alerts, max_size=2),
    "sessionAffinity": affinity,
    "stepWeightPromotion": st.integers(0, 100),
    "mirror": flags,
    "mirrorWeight": st.integers(0, 100),
    "canaryReadyThreshold": st.integers(0, 100),
}
clock: dict[str, Anything] = {"interval": durations, "threshold": st.integers(-1, 20)}
ascending = st.sets(st.integers(1, 100), min_size=1, max_size=6).map(up)
analyses = st.one_of(
    objects({**clock, "stepWeight": st.integers(1, 100)}, maxWeight=st.integers(1, 100), **shared),
    objects({**clock, "stepWeights": ascending}, **shared),
    objects(
        {**clock, "iterations": st.integers(1, 20)},
        match=st.lists(
            objects({"headers": st.dictionaries(words, text_matches, min_size=1, max_size=2)}),
            max_size=2,
        ),
        **shared,
    ),
)
services = objects(
    {"port": ports},
    name=words,
    portName=tricky,
    targetPort=ports | words,
    portDiscovery=flags,
    timeout=durations,
    gateways=st.lists(words, max_size=2),
    hosts=st.lists(words, max_size=2),
    trafficPolicy=st.dictionaries(words, json_values, max_size=2),
    match=st.lists(objects({}, uri=text_matches, method=text_matches, port=ports), max_size=2),
    rewrite=objects({}, uri=tricky, authority=tricky),
    retries=objects({}, attempts=st.integers(0, 9), perTryTimeout=durations),
    headers=objects({}, request=objects({}, add=labels, set=labels)),
    corsPolicy=objects({}, maxAge=durations, allowCredentials=flags),
    apex=objects({}, labels=labels, annotations=labels),
)
canaries = st.builds(
    a_whole_canary, objects({"analysis": analyses, "service": services}), labels, flags
)
processes = st.builds(
    partial(a_whole, "serinus.dev/v1alpha1", "Process"),
    objects(
        {
            "template": objects(
                {"command": st.lists(tricky, min_size=1, max_size=3)},
                env=labels,
                readiness=objects({}, http=objects({}, port=ports), interval=durations),
                stopGrace=durations,
            )
        },
        replicas=st.integers(0, 5),
        drain=durations,
    ),
)
policies = st.builds(
    partial(a_whole, "serinus.dev/v1alpha1", "RolloutPolicy"),
    objects(
        {},
        targets=objects({}, names=st.lists(words, max_size=2)),
        supersede=st.sampled_from(["restart", "queue", "refuse"]),
        noData=st.sampled_from(["fail", "hold", "pass"]),
        guard=objects({}, enabled=flags, pValue=st.floats(1e-12, 0.5)),
        minInterval=durations,
        undo=st.lists(
            objects({"name": words, "after": words, "url": st.just("http://a/")}),
            max_size=3,
            unique_by=name_of,
        ),
    ),
)
templates = st.builds(
    partial(a_whole, "flagger.app/v1beta1", "MetricTemplate"),
    objects(
        {
            "query": tricky.filter(bool),
            "provider": objects(
                {"type": st.just("prometheus"), "address": st.just("http://a")},
                headers=st.dictionaries(words, st.lists(tricky, max_size=2), max_size=2),
            ),
        }
    ),
)
chats = st.builds(
    partial(a_whole, "flagger.app/v1beta1", "AlertProvider"),
    objects(
        {"type": st.sampled_from(["slack", "gchat"]), "address": st.just("https://a/")},
        secretRef=objects({"name": words}),
        channel=tricky,
        proxy=st.just("http://b:1"),
    ),
)
manifests: st.SearchStrategy[Manifest] = st.one_of(
    canaries, processes, policies, templates, chats
).map(parse)
