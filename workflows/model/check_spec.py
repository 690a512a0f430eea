"""`metrics`, `webhooks` and `alerts` of a Canary's analysis: what is asked while it runs."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator

from workflows.model.hook import HookType
from workflows.model.problem import Problem, nearest, refuse
from workflows.model.quantity import Count, Flag, PositiveDuration, Real, Url
from workflows.model.resource import Labels, Part
from workflows.model.target import Name

SUCCESS_RATE = "request-success-rate"
DURATION = "request-duration"
TEN_SECONDS = timedelta(seconds=10)
BUILT_IN = (SUCCESS_RATE, DURATION)
Empty = Literal[""]


class Severity(StrEnum):
    """From which severity on an alert is sent."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class ThresholdRange(Part):
    """The limits of a value, both inclusive."""

    min: Real | None = None
    max: Real | None = None

    @model_validator(mode="after")
    def _min_below_max(self) -> "ThresholdRange":
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"is above max, {self.max:g}: no value could pass"
            refuse([Problem(path="min", value=f"{self.min:g}", message=message)])
        return self


class Reference(Part):
    """Another manifest, by name; in the Canary's namespace unless it says which."""

    name: Name
    namespace: str | None = None


class Metric(Part):
    """One metric and its limits; a built-in name, a template or an inline query."""

    name: Name
    interval: PositiveDuration = timedelta(minutes=1)
    threshold_range: ThresholdRange | None = None
    threshold: Real = 0.0
    query: str | None = None
    template_ref: Reference | None = None
    template_variables: Labels = {}

    @property
    def is_built_in(self) -> bool:
        """Whether the name selects one of Flagger's own queries."""
        return self.name in BUILT_IN

    @property
    def limits(self) -> ThresholdRange:
        """What the value must keep: `threshold` is a minimum for the success rate only."""
        if self.threshold_range is not None:
            return self.threshold_range
        if self.name == SUCCESS_RATE:
            return ThresholdRange(min=self.threshold)
        return ThresholdRange(max=self.threshold)

    @model_validator(mode="after")
    def _answerable(self) -> "Metric":
        if not (self.is_built_in or self.query or self.template_ref):
            message = "is not a built-in metric and has neither templateRef nor query: always fails"
            refuse([Problem(path="name", value=self.name, message=message,
                            allowed=f"{', '.join(BUILT_IN)}, or any name with a templateRef",
                            did_you_mean=nearest(self.name, BUILT_IN))])  # fmt: skip
        return self


def _or(default: object, taken: object) -> BeforeValidator:
    """The empty string is as good as leaving it out; `taken` is what the schema says."""
    return BeforeValidator(
        lambda value: default if value == "" else value, json_schema_input_type=taken
    )


class Webhook(Part):
    """An outbound webhook; without a type it is a `rollout` hook."""

    name: Name
    type: Annotated[HookType, _or(HookType.ROLLOUT, Empty | HookType)] = HookType.ROLLOUT
    url: Url
    timeout: Annotated[PositiveDuration, _or(TEN_SECONDS, PositiveDuration)] = TEN_SECONDS
    retries: Count = 0
    disable_tls: Flag = False
    mute_alert: Flag = False
    metadata: Labels | None = None


class Alert(Part):
    """Whom to tell, and from which severity on; unset means everything."""

    name: Name
    severity: Annotated[Severity, _or(Severity.INFO, Empty | Severity)] = Severity.INFO
    provider_ref: Reference
