"""The strategies: each turns a `Recipe` into the steps of a release.

Called by `workflows.compile`, which reads the recipe out of a manifest. Every strategy opens and
closes alike, so that whatever it does in between, users end on the primary and the canary stops.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from pydantic import Field

from workflows.gating import promotion_gate, rollout_gate, traffic_gate
from workflows.model.hook import Hook, HookType
from workflows.model.plan import (
    ALL_PRIMARY,
    Adopt,
    Call,
    Finish,
    Observe,
    Percent,
    Promote,
    Release,
    Routes,
    Shift,
    Start,
    Step,
    Strategy,
)
from workflows.model.value import Value

ALL_CANARY = Routes(primary=0, canary=100)
MIRRORED = Routes(primary=100, canary=0, mirrored=True)


class Recipe(Value):
    """What the steps of a release are made of, whichever manifest said it."""

    strategy: Strategy = Strategy.WEIGHTED
    weights: tuple[Percent, ...] = ()
    iterations: int = Field(default=1, ge=1)
    return_by: Percent = 0
    """Points an interval from canary back to primary after promotion; 0 is all at once."""
    mirror: bool = False
    routed: bool = True
    """Whether users can be moved; without a mesh or ingress they always meet the primary."""
    deadline: float
    canary_ready: Percent = 100
    primary_ready: Percent = 100
    hooks: tuple[Hook, ...] = ()

    def of(self, kind: HookType) -> tuple[Hook, ...]:
        return tuple(hook for hook in self.hooks if hook.type is kind)


def analysed_release(recipe: Recipe) -> tuple[Step, ...]:
    """A release that is judged on its way."""
    steps: list[Step] = [*_opening(recipe), *_rehearsal(recipe)]
    steps += _STRATEGIES[recipe.strategy](recipe)
    return (*steps, *_closing(recipe, last_routes(steps)))


def unanalysed_release(recipe: Recipe) -> tuple[Step, ...]:
    """`skipAnalysis`: the canary must become ready, and that is all."""
    return (*_opening(recipe), *_closing(recipe, ALL_PRIMARY))


def plain_release(recipe: Recipe) -> tuple[Step, ...]:
    """A target without a Canary: the primary is replaced, new copies before old ones go."""
    return (_promote(recipe), _all_primary())


def initialise(deadline: float) -> tuple[Step, ...]:
    adopt = Adopt(name="adopt", summary="make the primary from the target", deadline=deadline)
    return (adopt, _all_primary())


def revert(*, adopted: bool) -> tuple[Step, ...]:
    """Without a primary there is nowhere to shift users to: the target itself serves them."""
    release = Release(name="release", summary="give the target back to its owner")
    return (_all_primary(), _finish(), release) if adopted else (release,)


def last_routes(steps: Iterable[Step]) -> Routes:
    """Where users are after these steps."""
    routes = ALL_PRIMARY
    for step in steps:
        if isinstance(step, Observe | Shift):
            routes = step.routes
    return routes


def _opening(recipe: Recipe) -> Iterator[Step]:
    yield from _rollout_gate(recipe)
    yield Start(
        name="start",
        summary="start the canary and wait until it is ready",
        deadline=recipe.deadline,
        ready_percent=recipe.canary_ready,
    )


def _rehearsal(recipe: Recipe) -> Iterator[Step]:
    hooks = recipe.of(HookType.PRE_ROLLOUT)
    if hooks:
        yield Observe(
            name="pre-rollout",
            summary=f"call {_count(len(hooks), 'pre-rollout hook')} before users come",
            routes=ALL_PRIMARY,
            at_once=True,
            analysed=False,
            hooks=hooks,
            guarded=False,
        )


def _weighted(recipe: Recipe) -> Iterator[Step]:
    routes = ALL_PRIMARY
    if recipe.mirror:
        yield from _traffic_gate(recipe, "mirror", "requests are mirrored", routes)
        routes = MIRRORED
        yield _mirror()
    for weight in recipe.weights:
        if not routes.mirrored:
            gate = f"{weight} % go to the canary"
            yield from _traffic_gate(recipe, str(weight), gate, routes)
        routes = Routes(primary=100 - weight, canary=weight)
        yield Observe(
            name=f"weight-{weight}",
            summary=f"shift {weight} % to the canary, 1 interval passes",
            routes=routes,
        )
    yield from _traffic_gate(recipe, "promotion", "the promotion", routes)
    yield from _promotion_gate(recipe, routes)


def _blue_green(recipe: Recipe) -> Iterator[Step]:
    routes = MIRRORED if recipe.mirror and recipe.routed else ALL_PRIMARY
    users = "test with mirrored requests" if routes.mirrored else "test out of users' sight"
    yield Observe(
        name="iterations",
        summary=f"{users}, {_passing(recipe.iterations)}",
        routes=routes,
        passes=recipe.iterations,
        guarded=False,
    )
    yield from _promotion_gate(recipe, routes)
    if recipe.routed:
        yield Observe(
            name="all-canary",
            summary="shift all users to the canary, 1 interval passes",
            routes=ALL_CANARY,
        )


def _matched(recipe: Recipe) -> Iterator[Step]:
    yield Observe(
        name="matched",
        summary=f"matched users to the canary, {_passing(recipe.iterations)}",
        routes=ALL_CANARY,
        passes=recipe.iterations,
    )
    yield from _promotion_gate(recipe, ALL_CANARY)


_STRATEGIES: Mapping[Strategy, Callable[[Recipe], Iterator[Step]]] = {
    Strategy.WEIGHTED: _weighted,
    Strategy.BLUE_GREEN: _blue_green,
    Strategy.AB: _matched,
}


def _closing(recipe: Recipe, routes: Routes) -> Iterator[Step]:
    yield _promote(recipe)
    yield from _returning(recipe, routes)
    yield _all_primary()
    yield _finish()
    hooks = recipe.of(HookType.POST_ROLLOUT)
    if hooks:
        summary = f"call {_count(len(hooks), 'post-rollout hook')}"
        yield Call(name="post-rollout", summary=summary, hooks=hooks)


def _returning(recipe: Recipe, routes: Routes) -> Iterator[Step]:
    if not recipe.return_by:
        return
    for weight in range(routes.canary - recipe.return_by, 0, -recipe.return_by):
        yield Observe(
            name=f"return-{weight}",
            summary=f"back to the primary: {weight} % stay for 1 interval",
            routes=Routes(primary=100 - weight, canary=weight),
            analysed=False,
            guarded=False,
        )


def _rollout_gate(recipe: Recipe) -> Iterator[Step]:
    hooks = recipe.of(HookType.CONFIRM_ROLLOUT)
    if hooks:
        yield rollout_gate(hooks)


def _traffic_gate(recipe: Recipe, before: str, when: str, routes: Routes) -> Iterator[Step]:
    hooks = recipe.of(HookType.CONFIRM_TRAFFIC_INCREASE)
    if hooks:
        yield traffic_gate(f"traffic-{before}", when, routes, hooks)


def _promotion_gate(recipe: Recipe, routes: Routes) -> Iterator[Step]:
    hooks = recipe.of(HookType.CONFIRM_PROMOTION)
    if hooks:
        yield promotion_gate(routes, hooks)


def _mirror() -> Observe:
    return Observe(
        name="mirror",
        summary="mirror requests to the canary, 1 interval passes",
        routes=MIRRORED,
        guarded=False,
    )


def _promote(recipe: Recipe) -> Promote:
    return Promote(
        name="promote",
        summary="bring the primary to the analysed revision",
        deadline=recipe.deadline,
        ready_percent=recipe.primary_ready,
    )


def _all_primary() -> Shift:
    return Shift(name="all-primary", summary="shift all users to the primary", routes=ALL_PRIMARY)


def _finish() -> Finish:
    return Finish(name="finish", summary="drain and stop the canary")


def _passing(intervals: int) -> str:
    return "1 interval passes" if intervals == 1 else f"{intervals} intervals pass"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
