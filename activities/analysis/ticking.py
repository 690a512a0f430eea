"""What one tick does: everything at once, each hook under the key of its tick.

Called by `activities.analysis.observe`, which has just made sure of the routes.
"""

import asyncio
from collections.abc import Coroutine, Sequence

from activities.analysis.instruments import Checks, Hooks
from activities.hooking.caller import Envelope, idempotency_keys
from activities.racing import plain_errors
from workflows import tally
from workflows.model.hook import Hook, HookAnswer
from workflows.model.observation import ObserveProgress, ObserveRequest


class Ticker:
    """The ticks of one step."""

    def __init__(self, checks: Checks, hooks: Hooks, request: ObserveRequest) -> None:
        self._checks = checks
        self._hooks = hooks
        self._request = request
        self._envelope = Envelope(
            name=request.slot.name,
            namespace=request.slot.namespace,
            phase=request.phase,
            checksum=request.checksum,
        )

    async def look(self, progress: ObserveProgress, at: float) -> tally.Findings:
        """Run the tick that follows `progress`; the first error of a check ends it."""
        request, analysis = self._request, self._request.analysis
        judging = tally.judges(request, progress)
        checks, hooks = (analysis.checks, analysis.hooks) if judging else ((), ())
        asked = (*hooks, *analysis.rollback_hooks, *request.gate_hooks)
        with plain_errors():
            async with asyncio.TaskGroup() as group:
                calling = [group.create_task(call) for call in self._calls(progress, asked)]
                measuring = [
                    group.create_task(self._checks.measure(check, request.traffic, request.slot))
                    for check in checks
                ]
        answers = [task.result() for task in calling]
        after_hooks = answers[len(hooks) :]
        return tally.Findings(
            at=at,
            results=tally.judged(analysis, checks, [task.result() for task in measuring]),
            answers=tuple(answers[: len(hooks)]),
            rollback=tuple(after_hooks[: len(analysis.rollback_hooks)]),
            gate=tuple(after_hooks[len(analysis.rollback_hooks) :]),
        )

    def _calls(
        self, progress: ObserveProgress, hooks: Sequence[Hook]
    ) -> list[Coroutine[object, object, HookAnswer]]:
        # The fence counts the commands of a run: a step that is begun again has other keys.
        step = f"{self._request.step}.{self._request.fence.sequence}"
        keyed = idempotency_keys(self._request.fence.run_id, step, progress.ticks + 1, hooks)
        return [self._hooks.call(hook, self._envelope, key) for hook, key in keyed]
