"""What the models refuse, in CEL: an API server refuses it with the same reason at `kubectl apply`.

The validators of `workflows.model` say it for every platform; here it is said a second time
because CEL cannot be made from Python. A test holds one corpus against both. What depends on the
provider is made from its table of abilities, in `worker.crds.fitness_rules`.
"""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from worker.crds import fitness_rules
from worker.crds.cel import Rule, filled, in_order, one_of, true
from workflows.model.analysis_spec import SHAPES, TOTAL
from workflows.model.check_spec import BUILT_IN
from workflows.model.http_match import FORMS
from workflows.model.metric_template import NEED_ADDRESS, NEED_SECRET, MetricProvider
from workflows.model.quantity import DURATION_PATTERN

A_URL = r"^[hH][tT][tT][pP][sS]?://[^\\s]+$"
DURATIONS = "a duration such as 500ms, 30s, 1m30s or 1h"
LONGEST_URL = 4096
LONGEST_DURATION = 64

ELSEWHERE: Mapping[str, frozenset[str]] = {
    "Provider": frozenset({"local"}),
    "TargetKind": frozenset({"Process"}),
}
"""Words of the local platform: no cluster can run them."""

STORED_DEFAULTS: Mapping[tuple[str, str], JsonValue] = {("SessionAffinity", "maxAge"): 86_400}
"""The one default that Flagger's own definition stores. Any other would change manifests."""

BOUNDS: Mapping[tuple[str, str], int] = {
    ("AnalysisSpec", "stepWeights"): TOTAL,
    ("AnalysisSpec", "match"): 32,
    ("AnalysisSpec", "metrics"): 128,
    ("AnalysisSpec", "webhooks"): 128,
    ("ServiceSpec", "match"): 64,
    ("ServiceSpec", "portName"): 253,
    ("ServiceSpec", "appProtocol"): 253,
    ("HttpMatch", "headers"): 32,
    ("HttpMatch", "queryParams"): 32,
    ("HttpMatch", "withoutHeaders"): 32,
    ("CorsPolicy", "allowOrigins"): 64,
    ("SessionAffinity", "cookieName"): 253,
    ("SessionAffinity", "primaryCookieName"): 253,
    ("Metric", "name"): 253,
    ("RolloutPolicySpec", "undo"): 64,
    ("UndoSpec", "name"): 253,
}
"""How many, or how long, where a rule looks at it. Generous: nobody writes 128 metrics."""


def text_rules(*, duration: bool, above_zero: bool, url: bool) -> tuple[tuple[Rule, ...], int]:
    """The rules of a text of this kind and the longest one there is; none for other texts."""
    if duration:
        return tuple(_duration(above_zero=above_zero)), LONGEST_DURATION
    return ((_URL,), LONGEST_URL) if url else ((), 0)


def _duration(*, above_zero: bool) -> Iterator[Rule]:
    pattern = DURATION_PATTERN.replace("\\", "\\\\")
    yield Rule("", f"self.matches('{pattern}')", "is not a duration", DURATIONS)
    if above_zero:
        holds = f"!self.matches('{pattern}') || self.matches('[1-9]')"
        yield Rule("", holds, "must be longer than nothing", DURATIONS)


_URL = Rule(
    "",
    f"""self.matches('{A_URL}') && isURL(self) && url(self).getHostname() != '' &&
    (url(self).getPort() == '' || int(url(self).getPort()) <= 65535)""",
    "is not a URL",
    "http://… or https://…",
)


def _needed(field: str, providers: frozenset[MetricProvider], *, is_text: bool) -> Rule:
    there = filled(f"self.{field}") if is_text else f"has(self.{field})"
    names = ", ".join(sorted(providers))
    return Rule(field, f"!(self.type in {one_of(providers)}) || {there}",
                f"is required by provider {names}")  # fmt: skip


_SPLIT = Rule(
    "",
    f"[{', '.join(f'has(self.{form})' for form in FORMS)}].filter(given, given).size() <= 1",
    "sets several forms at once",
    f"one of {', '.join(FORMS)}",
)
_ASCENDING = "self.stepWeights.exists_one(other, other == weight)"
_CONDITIONS = (filled(f"match.{name}") for name in ("headers", "queryParams", "sourceLabels"))
_SINGLE = " && ".join(
    f"!has(match.{name})"
    for name in ("uri", "scheme", "method", "authority", "port", "sourceNamespace")
)
_HONOURED = f"""{_SINGLE} && !{filled("match.gateways")} && !{true("match.ignoreUriCase")}
    && !{filled("match.withoutHeaders")}"""
_AB = f"has(self.iterations) && {filled('self.match')}"

_ANALYSIS = (
    Rule("", f"[{', '.join(f'has(self.{name})' for name in SHAPES)}]"
         ".filter(given, given).size() == 1",
         "sets no shape, or several at once", f"exactly one of {', '.join(SHAPES)}"),
    Rule("iterations", "!has(self.iterations) || self.iterations >= 1",
         "would never end", "1 or more"),
    Rule("stepWeight", "!has(self.stepWeight) || self.stepWeight >= 1",
         "would check for ever and never move", "1 to 100"),
    Rule("maxWeight", "!has(self.stepWeight) || !has(self.maxWeight) || "
         "(self.maxWeight >= 1 && self.maxWeight <= 100)",
         "can never be reached and passed", "1 to 100"),
    Rule("stepWeights", "!has(self.stepWeights) || size(self.stepWeights) > 0",
         "has no step", "1 to 100 each"),
    Rule("stepWeights", "!has(self.stepWeights) || "
         "self.stepWeights.all(weight, weight >= 1 && weight <= 100)",
         "has a weight that is not a share of traffic", "1 to 100 each"),
    Rule("stepWeights", "!has(self.stepWeights) || (self.stepWeights.isSorted() && "
         f"self.stepWeights.all(weight, {_ASCENDING}))",
         "has a weight that is not above the weight before it", "ascending weights, up to 100"),
    Rule("match", f"has(self.iterations) || !{filled('self.match')}",
         "needs iterations: by weight, nobody would be kept on one side",
         "match with iterations (A/B)"),
    Rule("match", f"!({_AB}) || self.match.all(match, {_HONOURED})",
         "has a condition that would be dropped by Flagger's API server, "
         "so more users would match", "headers, queryParams, sourceLabels"),
    Rule("match", f"!({_AB}) || self.match.all(match, {' || '.join(_CONDITIONS)} || "
         f"!({_HONOURED}))",
         "has an entry that has no condition: matches everyone",
         "headers, queryParams, sourceLabels"),
)  # fmt: skip

RULES: Mapping[str, tuple[Rule, ...]] = {
    "CanarySpec": tuple(fitness_rules.rules()),
    "AnalysisSpec": _ANALYSIS,
    "TextMatch": (_SPLIT,),
    "SessionAffinity": (
        Rule("primaryCookieName",
             "!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName",
             "is the cookie of the canary too; both sides would claim each user",
             "another name"),
    ),
    "ThresholdRange": (
        Rule("min", in_order("self", "min", "max"), "is above max: no value could pass"),
    ),
    "ScalerReplicas": (
        Rule("minReplicas", in_order("self", "minReplicas", "maxReplicas"),
             "is above maxReplicas"),
    ),
    "Metric": (
        Rule("name", f"self.name in {one_of(BUILT_IN)} || has(self.templateRef) || "
             f"{filled('self.query')}",
             "is not a built-in metric and has neither templateRef nor query: always fails",
             f"{', '.join(BUILT_IN)}, or any name with a templateRef"),
    ),
    "ServiceSpec": (
        Rule("match", "!has(self.match) || self.match.all(match, !has(match.headers) || "
             "match.headers.all(header, !has(match.headers[header].suffix)))",
             "has the suffix of a header, which would be dropped by Flagger's API server, "
             "leaving any value to match", "exact, prefix or regex"),
        Rule("targetPort", "!has(self.targetPort) || type(self.targetPort) == string || "
             "(int(self.targetPort) >= 0 && int(self.targetPort) <= 65535)",
             "is not a port", "0 to 65535 or the name of a container port"),
    ),
    "MetricProviderSpec": (
        _needed("address", NEED_ADDRESS, is_text=True),
        _needed("secretRef", NEED_SECRET, is_text=False),
        _needed("region", frozenset({MetricProvider.CLOUDWATCH}), is_text=True),
    ),
    "AlertProviderSpec": (
        Rule("", f"{filled('self.address')} || has(self.secretRef)",
             "has neither address nor secretRef: nobody could be told",
             "address, secretRef or both"),
    ),
    "RolloutPolicySpec": (
        Rule("undo", "!has(self.undo) || self.undo.all(hook, "
             "self.undo.exists_one(other, other.name == hook.name))",
             "has two hooks of one name", "a name of its own for each"),
    ),
}  # fmt: skip
"""By the name of the model whose objects they hold for."""
