"""Hooks outside an observation: post-rollout hooks, and undo hooks of a restore."""

from collections.abc import Sequence

from pydantic import ValidationError
from temporalio import activity

from activities.hooking.caller import Envelope, HookCaller, idempotency_keys
from activities.racing import Beat, first_of
from workflows import policies
from workflows.contracts import Hooking
from workflows.errors import Reason, failure
from workflows.model.hook import Hook, HookType
from workflows.model.requests import CallHooks, CallUndo, HookAnswers
from workflows.model.status import Phase


class HookCalls(Hooking):
    """`Hooking` by HTTP; the same on every platform."""

    def __init__(self, hooks: HookCaller) -> None:
        self._hooks = hooks

    @activity.defn(name="hooks.call")
    async def call(self, request: CallHooks) -> HookAnswers:
        """One after the other; a failing hook stops the rest."""
        return await _Calls(self._hooks, request).run()

    @activity.defn(name="hooks.undo")
    async def undo(self, request: CallUndo) -> HookAnswers:
        """Raise `HookFailed` until the hook has answered 2xx."""
        owed = request.undo
        hook = Hook(
            name=owed.name,
            type=HookType.ROLLBACK,
            url=owed.url,
            timeout=owed.timeout,
            metadata=owed.metadata,
        )
        envelope = Envelope(
            name=request.slot.name,
            namespace=request.slot.namespace,
            phase=Phase.ROLLING_BACK,
            checksum=request.checksum,
        )
        step = f"{owed.after}.{request.fence.sequence}"
        (_, key), *_ = idempotency_keys(request.fence.run_id, step, 0, [hook])
        answer = await self._hooks.call(hook, envelope, key)
        if not answer.ok:
            message = f"what step {owed.after!r} did is not yet undone: {answer.message}"
            raise failure(Reason.HOOK_FAILED, message, answer, retryable=True)
        return HookAnswers(answers=(answer,))


class _Calls:
    """One `hooks.call`; its heartbeat keeps a hook from being called again by the next worker."""

    def __init__(self, hooks: HookCaller, request: CallHooks) -> None:
        self._hooks = hooks
        self._request = request
        self._answers = _answered(activity.info().heartbeat_details)
        self._beat = Beat(lambda: self._answers, policies.HEARTBEAT_EVERY)

    async def run(self) -> HookAnswers:
        return await first_of(self._in_order(), self._beat.keep())

    async def _in_order(self) -> HookAnswers:
        request = self._request
        envelope = Envelope(
            name=request.slot.name,
            namespace=request.slot.namespace,
            phase=request.phase,
            checksum=request.checksum,
        )
        step = f"{request.step}.{request.fence.sequence}"
        keyed = idempotency_keys(request.fence.run_id, step, 0, request.hooks)
        for hook, key in keyed[len(self._answers.answers) :]:
            if not all(answer.ok for answer in self._answers.answers):
                break
            answer = await self._hooks.call(hook, envelope, key)
            self._answers = HookAnswers(answers=(*self._answers.answers, answer))
            self._beat.now()
        return self._answers


def _answered(details: Sequence[object]) -> HookAnswers:
    try:
        return HookAnswers.model_validate(details[0]) if details else HookAnswers(answers=())
    except ValidationError as error:
        activity.logger.warning("hooks.heartbeat_unreadable", extra={"problems": str(error)})
        return HookAnswers(answers=())
