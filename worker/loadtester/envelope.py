"""What callers send: the webhook envelope of Flagger's hooks, and the task it describes.

Pure. What cannot be done is `RefusedError` here, before anything starts.
"""

import shutil
from enum import StrEnum
from hashlib import sha256

from pydantic import Field, ValidationError

from activities.load.options import LoadOptions, LoadOptionsError, is_hey, parse_hey
from workflows.errors import Reason, SerinusError
from workflows.model.value import Record

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})


class RefusedError(SerinusError):
    """A request is answered with an error; `status` is HTTP's."""

    reason = Reason.INVALID_REQUEST

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class TaskType(StrEnum):
    """Flagger's task types that are run; `cmd` in the background, the others while one waits."""

    CMD = "cmd"
    BASH = "bash"
    HELM = "helm"
    HELMV3 = "helmv3"
    KUBECTL = "kubectl"


class Envelope(Record):
    """The fields of a hook's body that are looked at."""

    name: str = Field(min_length=1)
    namespace: str = Field(min_length=1)
    metadata: dict[str, str] | None = None

    @property
    def canary(self) -> str:
        """What gates are kept under."""
        return f"{self.name}.{self.namespace}"


class Task(Record):
    """One thing to run for a canary; `load` is set when the built-in generator runs it."""

    type: TaskType
    command: str
    canary: str
    load: LoadOptions | None = None
    log_output: bool = False
    return_output: bool = False

    @property
    def fingerprint(self) -> str:
        """The same for the same task."""
        return sha256(self.model_dump_json().encode()).hexdigest()


def read_envelope(body: bytes) -> Envelope:
    """The envelope, or `RefusedError` with what is wrong and where."""
    try:
        return Envelope.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise RefusedError(400, f"{where}: {first['msg']}") from error


def read_task(envelope: Envelope) -> Task:
    """The task that the metadata describe."""
    metadata = envelope.metadata
    if not metadata:
        raise RefusedError(400, "metadata: missing; it names the type and the cmd of the task")
    task_type = _task_type(metadata.get("type", TaskType.CMD))
    command = metadata.get("cmd", "")
    if not command.strip() or "\0" in command:
        raise RefusedError(400, f"metadata.cmd: a {task_type} task needs a command")
    return Task(
        type=task_type,
        command=command,
        canary=envelope.canary,
        load=_built_in(command) if task_type is TaskType.CMD else None,
        log_output=metadata.get("logCmdOutput") in _TRUE,
        return_output=metadata.get("returnCmdOutput") in _TRUE,
    )


def _task_type(text: str) -> TaskType:
    if text in set(TaskType):
        return TaskType(text)
    problem = "not supported" if text in {"concord", "ngrinder"} else "unknown"
    raise RefusedError(
        400, f"metadata.type: {text!r} is {problem}; use one of {', '.join(TaskType)}"
    )


def _built_in(command: str) -> LoadOptions | None:
    """The options for the built-in generator, where the hey program is not installed."""
    if not is_hey(command) or shutil.which("hey") is not None:
        return None
    try:
        return parse_hey(command)
    except LoadOptionsError as error:
        text = (
            f"metadata.cmd: {error} (hey is not installed, the built-in generator takes its place)"
        )
        raise RefusedError(400, text) from error
