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
    ("RolloutPolicySpec", "gates"): 64,
    ("GateSpec", "at"): 253,
    ("RolloutPolicySpec", "alerts"): 32,
    ("UndoSpec", "name"): 253,
    ("TriggerTargets", "names"): 128,
}
"""How many, or how long, where a rule looks at it. Generous: nobody writes 128 metrics."""


def text_rules(*, duration: bool, above_zero: bool, url: bool) -> tuple[tuple[Rule, ...], int]:
    """The rules of a text of this kind and the longest one there is; none for other texts."""
    if duration:
        return tuple(_duration(above_zero=above_zero)), LONGEST_DURATION
    return ((_URL,), LONGEST_URL) if url else ((), 0)


_DURATION = DURATION_PATTERN.replace("\\", "\\\\")


def _duration(*, above_zero: bool) -> Iterator[Rule]:
    yield Rule("", f"self.matches('{_DURATION}')", "is not a duration", DURATIONS)
    if above_zero:
        holds = f"!self.matches('{_DURATION}') || self.matches('[1-9]')"
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

_HOST = """isURL(self.address) && url(self.address).getHostname() != '' &&
    (url(self.address).getPort() == '' || int(url(self.address).getPort()) <= 65535)"""
_HTTP_ADDRESS = f"self.address.matches('{A_URL}') && {_HOST}"
_MAIL_ADDRESS = f"""self.address.matches('^[sS][mM][tT][pP][sS]?://[^\\\\s]+$') && {_HOST} &&
    'to' in url(self.address).getQuery() && url(self.address).getQuery()['to'][0] != '' &&
    !self.address.matches('^[^/]*//[^/@]*:[^/@]*@')"""

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
    "AlertSpec": (
        Rule("", f"{filled('self.address')} || has(self.secretRef)",
             "has neither address nor secretRef: nobody could be told",
             "address, secretRef or both"),
        Rule("secretRef", "self.type != 'pagerduty' || has(self.secretRef)",
             "is required: its `token` is the routing key", "the name of a Secret"),
        Rule("proxy", "self.type != 'email' || !has(self.proxy)",
             "is for HTTP; email goes to its server directly", "leave it out"),
        Rule("address", f"!has(self.address) || self.type == 'email' || ({_HTTP_ADDRESS})",
             "is not an address of this type of receiver", "http://… or https://…"),
        Rule("address", f"!has(self.address) || self.type != 'email' || ({_MAIL_ADDRESS})",
             "is not an address of this type of receiver, or names nobody to write to",
             "smtp://host:port/?to=ana@example.com, without a password"),
    ),
    "RolloutPolicySpec": (
        Rule("undo", "!has(self.undo) || self.undo.all(hook, "
             "self.undo.exists_one(other, other.name == hook.name))",
             "has two hooks of one name", "a name of its own for each"),
        Rule("gates", "!has(self.gates) || self.gates.all(gate, "
             "self.gates.exists_one(other, other.at == gate.at))",
             "has two entries for one gate", "one for each"),
    ),
    "GateSpec": (
        Rule("quorum", f"!{filled('self.people')} || {filled('self.groups')} || "
             f"{filled('self.escalateTo.groups')} || !has(self.quorum) || "
             "self.quorum <= size(self.people) + (has(self.escalateTo) && "
             "has(self.escalateTo.people) ? size(self.escalateTo.people) : 0)",
             "is more than there are people who may approve", "so many, or groups"),
        Rule("escalateTo", f"!has(self.escalateTo) || {filled('self.escalateTo.people')} || "
             f"{filled('self.escalateTo.groups')}",
             "names nobody", "people, groups or both"),
        Rule("escalateTo", "!has(self.escalateTo) || has(self.escalateAfter) || "
             "(has(self.onExpiry) && self.onExpiry in ['escalate', 'hold'])",
             "is asked by nothing", "escalateAfter, or onExpiry: escalate or hold, beside it"),
        Rule("onExpiry", "!has(self.onExpiry) || has(self.expires)",
             "says what becomes of a gate that never expires", "expires beside it"),
        Rule("onExpiry", "!has(self.onExpiry) || self.onExpiry != 'escalate' || "
             "has(self.escalateTo)",
             "needs somebody to escalate to", "escalateTo beside it"),
        Rule("escalateAfter", "!has(self.expires) || !has(self.escalateAfter) || "
             f"!self.expires.matches('{_DURATION}') || "
             f"!self.escalateAfter.matches('{_DURATION}') || "
             "duration(self.escalateAfter) < duration(self.expires)",
             "comes only when the gate has expired", "less than expires"),
    ),
    "Receiver": (
        Rule("replayWindow", f"!has(self.replayWindow) || !self.replayWindow.matches("
             f"'{_DURATION}') || duration(self.replayWindow) <= duration('12h')",
             "is longer than deliveries are remembered", "at most 12h"),
    ),
    "TriggerTargets": (
        Rule("", f"{filled('self.names')} || has(self.selector) || has(self.fromObject)",
             "names no target", "names, selector or fromObject"),
    ),
    "TriggerSpec": (
        Rule("targets.fromObject", "!has(self.targets.fromObject) || "
             "self.targets.fromObject != 'owned' || self.receiver.type == 'flux'",
             "needs the events of Flux", "same"),
    ),
}  # fmt: skip
"""By the name of the model whose objects they hold for."""
