"""`spec.analysis` of a Canary: how traffic moves, and what must hold while it does."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from workflows.model.check_spec import Alert, Metric, Webhook
from workflows.model.http_match import HttpMatch
from workflows.model.plan import Strategy
from workflows.model.problem import Problem, invalid, joined, refuse
from workflows.model.quantity import Count, Flag, Percentage, PositiveDuration, Whole
from workflows.model.resource import Part

TOTAL = 100
CONDITIONS = ("headers", "queryParams", "sourceLabels")
SHAPES = ("iterations", "stepWeight", "stepWeights")
Cookie = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]


def _number(path: str, value: int, message: str, allowed: str) -> Problem:
    return Problem(path=path, value=str(value), message=message, allowed=allowed)


def _ascending(weights: tuple[int, ...]) -> tuple[int, ...]:
    if not weights:
        raise invalid("has no step", allowed="1 to 100 each")
    found = [
        _number(f"[{at}]", weight, "is not a share of traffic", "1 to 100")
        for at, weight in enumerate(weights)
        if not 1 <= weight <= TOTAL
    ]
    refuse(found + [
        _number(f"[{at}]", after, f"is not above {before}, the weight before it",
                f"more than {before}, up to 100")
        for at, (before, after) in enumerate(pairwise(weights), start=1)
        if after <= before
    ])  # fmt: skip
    return weights


StepWeights = Annotated[tuple[Whole, ...], AfterValidator(_ascending)]


class SessionAffinity(Part):
    """Cookies that keep a user on the side that answered first."""

    cookie_name: Cookie
    primary_cookie_name: Cookie | None = None
    max_age: Count = 86_400
    domain: str | None = None
    path: str | None = None
    http_only: Flag = False
    secure: Flag = False
    partitioned: Flag = False
    same_site: Literal["Strict", "Lax", "None"] | None = None

    @model_validator(mode="after")
    def _two_cookies(self) -> "SessionAffinity":
        if self.primary_cookie_name == self.cookie_name:
            message = "is the cookie of the canary too; both sides would claim each user"
            refuse([Problem(path="primaryCookieName", value=self.cookie_name, message=message)])
        return self


class AnalysisSpec(Part):
    """The analysis. Exactly one of `iterations`, `stepWeight`, `stepWeights` gives its shape."""

    interval: PositiveDuration
    threshold: Annotated[Whole, AfterValidator(lambda value: max(1, value))]
    iterations: Whole | None = None
    match: tuple[HttpMatch, ...] = ()
    max_weight: Whole = TOTAL
    step_weight: Whole | None = None
    step_weights: StepWeights | None = None
    step_weight_promotion: Percentage = 0
    mirror: Flag = False
    mirror_weight: Percentage | None = None
    primary_ready_threshold: Percentage = 100
    canary_ready_threshold: Percentage = 100
    metrics: tuple[Metric, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    alerts: tuple[Alert, ...] = ()
    session_affinity: SessionAffinity | None = None

    @property
    def strategy(self) -> Strategy:
        """Selected by shape, as Flagger; see `CanarySpec.strategy` for what the provider does."""
        if self.iterations is None:
            return Strategy.WEIGHTED
        return Strategy.AB if self.match else Strategy.BLUE_GREEN

    @property
    def weights(self) -> tuple[int, ...]:
        """The canary's weight at each step; the last may overshoot `maxWeight`, never 100."""
        if self.step_weights is not None:
            return self.step_weights
        if self.step_weight is None:
            return ()
        steps = -(-self.max_weight // self.step_weight)
        return tuple(min(TOTAL, self.step_weight * count) for count in range(1, steps + 1))

    @property
    def mirror_percent(self) -> int:
        """The share of requests that is mirrored; 0 and unset mean all, as in Flagger."""
        return self.mirror_weight or TOTAL

    @model_validator(mode="after")
    def _can_run(self) -> "AnalysisSpec":
        refuse([*_shape(self), *_weights(self), *_matches(self)])
        return self


def _shape(analysis: AnalysisSpec) -> list[Problem]:
    sizes = (analysis.iterations, analysis.step_weight, analysis.step_weights)
    given = [name for name, size in zip(SHAPES, sizes, strict=True) if size is not None]
    if len(given) == 1:
        return []
    message = f"sets {' and '.join(given)} at once" if given else "sets no shape"
    return [Problem(path="", message=message, allowed=f"exactly one of {', '.join(SHAPES)}")]


def _weights(analysis: AnalysisSpec) -> list[Problem]:
    found: list[Problem] = []
    if analysis.iterations is not None and analysis.iterations < 1:
        found.append(_number("iterations", analysis.iterations, "would never end", "1 or more"))
    if analysis.step_weight is None:
        return found
    if analysis.step_weight < 1:
        found.append(_number("stepWeight", analysis.step_weight,
                             "would check for ever and never move", "1 to 100"))  # fmt: skip
    if not 1 <= analysis.max_weight <= TOTAL:
        found.append(_number("maxWeight", analysis.max_weight,
                             "can never be reached and passed", "1 to 100"))  # fmt: skip
    return found


def _matches(analysis: AnalysisSpec) -> list[Problem]:
    if not analysis.match:
        return []
    if analysis.iterations is None:
        message = "needs iterations: by weight, nobody would be kept on one side"
        return [Problem(path="match", message=message, allowed="match with iterations (A/B)")]
    found: list[Problem] = []
    for at, match in enumerate(analysis.match):
        if not match.conditions:
            found.append(Problem(path=f"match[{at}]", message="has no condition: matches everyone",
                                 allowed=", ".join(CONDITIONS)))  # fmt: skip
        found += [
            Problem(
                path=joined(f"match[{at}]", condition),
                message="would be dropped by Flagger's API server, so more users would match",
                allowed=", ".join(CONDITIONS),
            )
            for condition in match.conditions
            if condition not in CONDITIONS
        ]
    return found
