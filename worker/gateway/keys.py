"""Keys that are made when they are first needed, and kept where only their owner may read them.

Whoever comes first makes one: several gateways, and the worker with them, agree on it.
"""

import os
import secrets
import tempfile
from pathlib import Path

from worker.settings import SettingsError

LENGTH = 32
"""Bytes of randomness in a key that is made here."""
MINIMUM = 32
"""Bytes of a key file; a shorter one is refused."""
PRIVATE = 0o600
FOLDER = 0o700


def key_in(path: Path) -> bytes:
    """The key of a file, made if there is none. Blocking."""
    if not path.exists():
        _make(path)
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{path}: the key cannot be read: {error.strerror}") from error
    if len(key) < MINIMUM:
        raise SettingsError(
            f"{path}: has {len(key)} bytes, a key needs {MINIMUM}; "
            "make one with `openssl rand -hex 32`, or remove the file"
        )
    return key


def write_private(path: Path, content: bytes) -> None:
    """Replace a file that only its owner may read; a reader never meets half of it. Blocking."""
    draft = _draft(path, content)
    draft.replace(path)


def _make(path: Path) -> None:
    try:
        draft = _draft(path, secrets.token_hex(LENGTH).encode() + b"\n")
    except OSError as error:
        raise SettingsError(f"{path}: no key can be made: {error.strerror}") from error
    try:
        os.link(draft, path)
    except FileExistsError:
        # Somebody else was quicker; theirs holds.
        pass
    finally:
        draft.unlink()


def _draft(path: Path, content: bytes) -> Path:
    path.parent.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(PRIVATE)
    return Path(name)
