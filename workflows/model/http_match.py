"""Conditions on requests, shaped as Istio's: for the routes of a service and for A/B tests."""

from pydantic import JsonValue, model_validator

from workflows.model.problem import Problem, refuse
from workflows.model.quantity import Flag, Port
from workflows.model.resource import Labels, Part

FORMS = ("exact", "prefix", "suffix", "regex")


class TextMatch(Part):
    """One way to match a string; none of them asks only that it is there."""

    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    regex: str | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in use: one, or none."""
        given = (self.exact, self.prefix, self.suffix, self.regex)
        return tuple(form for form, text in zip(FORMS, given, strict=True) if text is not None)

    @model_validator(mode="after")
    def _one_form(self) -> "TextMatch":
        if len(self.forms) > 1:
            message = f"sets {' and '.join(self.forms)} at once"
            refuse([Problem(path="", message=message, allowed=f"one of {', '.join(FORMS)}")])
        return self


class HttpMatch(Part):
    """A request fits when it meets every condition given here."""

    name: str | None = None
    uri: TextMatch | None = None
    scheme: TextMatch | None = None
    method: TextMatch | None = None
    authority: TextMatch | None = None
    headers: dict[str, TextMatch] = {}
    port: Port | None = None
    source_labels: Labels = {}
    gateways: tuple[str, ...] = ()
    query_params: dict[str, TextMatch] = {}
    ignore_uri_case: Flag = False
    without_headers: dict[str, TextMatch] = {}
    source_namespace: str | None = None

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions given, as manifests write them."""
        given = self.model_dump(by_alias=True, exclude_defaults=True, exclude={"name"})
        return tuple(given)


class HeaderOperations(Part):
    """What is done to the headers of one direction."""

    set: Labels = {}
    add: Labels = {}
    remove: tuple[str, ...] = ()


class Headers(Part):
    """What is done to the headers of requests and responses."""

    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


class ParentReference(Part):
    """What an HTTPRoute attaches to; Linkerd is driven by `kind: Service`."""

    group: str = "gateway.networking.k8s.io"
    kind: str = "Gateway"
    namespace: str | None = None
    name: str
    section_name: str | None = None
    port: Port | None = None


class BackendReference(Part):
    """Where a static mirror sends its copies."""

    group: str = ""
    kind: str = "Service"
    name: str
    namespace: str | None = None
    port: Port | None = None


class RequestMirror(Part):
    """A static mirror of an HTTPRoute; has nothing to do with `analysis.mirror`."""

    backend_ref: BackendReference
    percent: int | None = None
    fraction: dict[str, JsonValue] | None = None
