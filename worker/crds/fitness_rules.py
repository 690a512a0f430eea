"""Whether a Canary fits its provider and target, in CEL; the rules of `workflows.model.fitness`.

Which provider can do what comes from `workflows.model.provider`, so the two cannot drift apart
there. A Canary that leaves its provider open is judged by the controller, which knows its default.
"""

from collections.abc import Callable, Iterable, Iterator

from worker.crds.cel import Rule, filled, given, one_of, true
from workflows.model.analysis_spec import CONDITIONS
from workflows.model.http_match import FORMS
from workflows.model.provider import GATEWAY_API, Abilities, Provider
from workflows.model.target import KNATIVE

_ALL = frozenset(Provider) - {Provider.LOCAL}
_ANALYSIS = "self.analysis"
_MATCH = f"{_ANALYSIS}.match"
_BY_WEIGHT = f"!has({_ANALYSIS}.iterations)"
_AB = f"(has({_ANALYSIS}.iterations) && {filled(_MATCH)})"
_BLUE_GREEN = f"(has({_ANALYSIS}.iterations) && !{filled(_MATCH)})"
_IS_KNATIVE = f"(self.targetRef.kind == 'Service' && self.targetRef.apiVersion == '{KNATIVE}')"
_IS_TCP = f"({given('self.service.appProtocol')} && self.service.appProtocol.matches('(?i)^tcp$'))"
_MESH_PORT = "self.service.targetPort"


def rules() -> Iterator[Rule]:
    """All of them, in the order in which the model tells."""
    yield from _target()
    yield from _pairing()
    yield from _needs()
    yield from _delegation()
    yield from _strategies()
    yield from _conditions()
    yield from _mirrors()
    yield from _tcp()


def _for(providers: Iterable[Provider], holds: str) -> str:
    """What must hold with these providers."""
    return f"!has(self.provider) || !(self.provider in {one_of(providers)}) || {holds}"


def _names(providers: Iterable[Provider]) -> str:
    return ", ".join(sorted(providers))


def _target() -> Iterator[Rule]:
    yield Rule("service.port", f"self.targetRef.kind == 'Service' || {given('self.service.port')}",
               "is required: the apex service would have no port", "1 to 65535")  # fmt: skip
    yield Rule("autoscalerRef", f"!has(self.autoscalerRef) || !{_IS_KNATIVE}",
               "cannot scale a Knative Service", "leave it out")  # fmt: skip


def _pairing() -> Iterator[Rule]:
    yield Rule("provider", f"!has(self.provider) || (self.provider == 'knative') == {_IS_KNATIVE}",
               "does not fit targetRef",
               f"knative with a Service of {KNATIVE}, any other with any other")  # fmt: skip


def _needs() -> Iterator[Rule]:
    needs = (
        ("ingressRef", {Provider.NGINX, Provider.SKIPPER}, "has(self.ingressRef)"),
        ("routeRef", {Provider.APISIX}, "has(self.routeRef)"),
        ("service.gatewayRefs", GATEWAY_API, filled("self.service.gatewayRefs")),
        ("service.meshName", {Provider.APPMESH}, filled("self.service.meshName")),
    )
    for path, providers, there in needs:
        message = f"is required by provider {_names(providers)}"
        yield Rule(path, _for(providers, there), message)
    number = (
        f"!({given(_MESH_PORT)}) || type({_MESH_PORT}) == int || "
        f"string({_MESH_PORT}).matches('^[0-9]{{1,5}}$')"
    )
    yield Rule("service.targetPort", _for({Provider.APPMESH_V1BETA2}, number),
               "must be a number for provider appmesh:v1beta2")  # fmt: skip


def _delegation() -> Iterator[Rule]:
    for path in ("hosts", "gateways"):
        holds = f"!{true('self.service.delegation')} || !{filled(f'self.service.{path}')}"
        yield Rule(f"service.{path}", _for({Provider.ISTIO}, holds),
                   "cannot be set with delegation: the parent route has it",
                   "leave it out")  # fmt: skip


def _able(wanted: Callable[[Abilities], object]) -> tuple[frozenset[Provider], frozenset[Provider]]:
    """Those that can do it, and those that cannot."""
    able = frozenset(each for each in _ALL if wanted(each.abilities))
    return able, _ALL - able


def _ab(abilities: Abilities) -> frozenset[str]:
    return abilities.ab


def _forms(abilities: Abilities) -> frozenset[str]:
    return abilities.forms


def _strategies() -> Iterator[Rule]:
    able, unable = _able(_ab)
    yield Rule("analysis.match", _for(unable, f"!{_AB}"), "this provider has no A/B tests",
               _names(able))  # fmt: skip
    _, unable = _able(lambda abilities: abilities.blue_green)
    yield Rule("analysis.iterations", _for(unable, f"!{_BLUE_GREEN}"),
               f"provider {_names(unable)} has no blue/green",
               "stepWeight or stepWeights")  # fmt: skip


def _conditions() -> Iterator[Rule]:
    able, _ = _able(_ab)
    for condition in CONDITIONS:
        unable = _without(able, _ab, condition)
        if unable:
            holds = f"!{_AB} || {_MATCH}.all(match, !{filled(f'match.{condition}')})"
            yield Rule("analysis.match", _for(unable, holds),
                       f"provider {_names(unable)} has no {condition}")  # fmt: skip
    for form in FORMS:
        unable = _without(able, _forms, form)
        if unable:
            holds = f"!{_AB} || {_MATCH}.all(match, {_no_form('headers', form)} && " + (
                f"{_no_form('queryParams', form)})"
            )
            yield Rule("analysis.match", _for(unable, holds),
                       f"provider {_names(unable)} has no `{form}`")  # fmt: skip
    yield _one_header()


def _without(
    providers: Iterable[Provider], words: Callable[[Abilities], frozenset[str]], word: str
) -> frozenset[Provider]:
    return frozenset(each for each in providers if word not in words(each.abilities))


def _no_form(group: str, form: str) -> str:
    texts = f"match.{group}"
    return f"(!has({texts}) || {texts}.all(name, !has({texts}[name].{form})))"


def _one_header() -> Rule:
    """Every header that is no cookie is, in each entry, the only one that is no cookie."""
    rest = "size(other.headers) - " + " - ".join(
        f"({name} in other.headers ? 1 : 0)" for name in ("'cookie'", "name")
    )
    each = f"{_MATCH}.all(other, !has(other.headers) || {rest} == 0)"
    holds = (
        f"!{_AB} || {_MATCH}.all(match, !has(match.headers) || "
        f"match.headers.all(name, name == 'cookie' || {each}))"
    )
    return Rule("analysis.match", _for({Provider.NGINX}, holds),
                "nginx keeps one header only, and which one is chance",
                "one header and one cookie")  # fmt: skip


def _mirrors() -> Iterator[Rule]:
    for (able, unable), strategy, name in (
        (_able(lambda abilities: abilities.mirror_weighted), _BY_WEIGHT, "weighted"),
        (_able(lambda abilities: abilities.mirror_blue_green), _BLUE_GREEN, "blue/green"),
    ):
        holds = f"!{true(f'{_ANALYSIS}.mirror')} || !{strategy}"
        yield Rule("analysis.mirror", _for(unable, holds),
                   f"this provider has no mirroring ({name})", _names(able))  # fmt: skip


def _tcp() -> Iterator[Rule]:
    for path, used in (
        ("analysis.mirror", true(f"{_ANALYSIS}.mirror")),
        ("analysis.match", filled(_MATCH)),
        ("analysis.sessionAffinity", f"has({_ANALYSIS}.sessionAffinity)"),
    ):
        yield Rule(path, _for({Provider.ISTIO}, f"!{_IS_TCP} || !{used}"),
                   "cannot be done with service.appProtocol tcp",
                   "leave it out, or appProtocol http")  # fmt: skip
