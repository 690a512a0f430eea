"""One small JSON file that survives a crash: people may read it, only the load tester writes it."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from workflows.errors import Reason, SerinusError

M = TypeVar("M", bound=BaseModel)


class StateError(SerinusError):
    """The state folder cannot be read or written; nothing was changed."""

    reason = Reason.STORAGE_FULL


class JsonFile(Generic[M]):
    """A model kept in a file, replaced as a whole."""

    def __init__(self, path: Path, empty: M) -> None:
        self._path = path
        self._empty = empty
        self._lock = asyncio.Lock()

    def read(self) -> M:
        """The model; the empty one when there is no file yet."""
        try:
            return type(self._empty).model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return self._empty
        except (OSError, ValidationError) as error:
            raise StateError(f"{self._path} cannot be read, mend or remove it: {error}") from error

    async def write(self, model: M) -> None:
        """Answers when the disk has it. Calls keep their order."""
        async with self._lock:
            try:
                await asyncio.to_thread(_replace, self._path, model.model_dump_json(indent=2))
            except OSError as error:
                raise StateError(f"{self._path} cannot be written: {error}") from error


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
