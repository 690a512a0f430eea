"""The step token: the `ETag` of a rollout, and what `If-Match` is held against.

It names the run, where it is in its plan, and what waits there; a rollout that has moved on has
another. What only grows while a step lasts (evidence, the clock) does not change it. Pure.
"""

from hashlib import sha256

from workflows.model.status import RolloutStatus

LENGTH = 20
ANY = "*"


def step_token(status: RolloutStatus) -> str:
    """The strong entity tag of a rollout, quoted as HTTP has it."""
    parts = (
        status.run_id,
        str(status.position),
        status.phase,
        status.revision,
        status.waiting.step if status.waiting else "",
    )
    digest = sha256("\0".join(parts).encode()).hexdigest()
    return f'"{digest[:LENGTH]}"'


def matches(wanted: str, token: str) -> bool:
    """Whether an `If-Match` names this token; a weak one never does, and `*` always."""
    return any(tag.strip() in (ANY, token) for tag in wanted.split(","))
