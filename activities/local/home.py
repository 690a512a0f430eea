"""The one folder in which the local platform keeps everything, in files that people can read.

Every write is atomic, so a reader never meets half a file. A small reserve is kept allocated: on
a full disk it is given up, so that traffic can still be taken back to the primary.
"""

import errno
import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from workflows.errors import Reason, failure
from workflows.model.identity import Slot

RESERVE_BYTES = 256 * 1024
LONGEST_SOCKET_PATH = 100
"""Linux takes 107 bytes; supervisord adds its process id while it starts."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Home:
    """Paths, atomic writes and locks; blocking, so call it from a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.manifests = self.root / "manifests"
        self.targets = self.root / "targets"
        self.revisions = self.root / "revisions"
        self.ports = self.root / "ports"
        self.supervisor = self.root / "supervisor"
        self.proxy = self.root / "proxy"
        self.logs = self.root / "logs"
        self.reserve = self.root / "reserve"
        self._drafts = self.root / "drafts"

    def prepare(self) -> None:
        """Make the folders and allocate the reserve."""
        for folder in (self.manifests, self.targets, self.revisions, self.ports, self._drafts,
                       self.supervisor / "conf.d", self.supervisor / "run",
                       self.proxy / "dynamic", self.logs):  # fmt: skip
            folder.mkdir(parents=True, exist_ok=True)
        self._allocate_reserve()

    def target(self, slot: Slot) -> Path:
        return self.targets / slot.namespace / f"{slot.name}.json"

    def revision(self, slot: Slot, revision: str) -> Path:
        return self.revisions / slot.namespace / slot.name / f"{revision}.json"

    def manifest(self, kind: str, namespace: str, name: str) -> Path:
        return self.manifests / namespace / kind / f"{name}.yaml"

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    @property
    def socket(self) -> Path:
        """Where supervisord listens; in a folder of its own elsewhere if this home is too deep."""
        inside = self.supervisor / "socket"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
            return inside
        return self._short_folder() / "socket"

    def write(self, path: Path, text: str, *, urgent: bool = False) -> None:
        """Replace a file; an urgent write may use up the reserve on a full disk."""
        try:
            self._replace(path, text)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            if not (urgent and self._give_up_reserve()):
                raise _storage_full(path, error) from error
            self._write_urgently(path, text)
        self._allocate_reserve()

    def keep(self, path: Path, text: str) -> bool:
        """Write a file unless it says so already; that costs no space on a full disk."""
        if _says(path, text):
            return False
        self.write(path, text)
        return True

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    @contextmanager
    def locked(self, path: Path) -> Generator[bool]:
        """Say whether the lock is held now; never waits."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def _write_urgently(self, path: Path, text: str) -> None:
        try:
            self._replace(path, text)
        except OSError as error:
            if error.errno in _FULL:
                raise _storage_full(path, error) from error
            raise

    def _replace(self, path: Path, text: str) -> None:
        # Drafts have a folder of their own: Traefik reads its folder again at every event in it.
        path.parent.mkdir(parents=True, exist_ok=True)
        self._drafts.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._drafts, prefix=f"{path.name}.")
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def _give_up_reserve(self) -> bool:
        held = self.reserve.exists()
        self.reserve.unlink(missing_ok=True)
        return held

    def _allocate_reserve(self) -> None:
        """Take the reserve again as soon as there is room; until then do without."""
        if self.reserve.exists():
            return
        with suppress(FileExistsError):
            descriptor = os.open(self.reserve, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
            except OSError as error:
                self.reserve.unlink(missing_ok=True)
                if error.errno not in _FULL:
                    raise
            finally:
                os.close(descriptor)

    def _short_folder(self) -> Path:
        digest = sha256(os.fsencode(self.root)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"serinus-{os.getuid()}-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
            raise failure(
                Reason.SUPERVISOR_DOWN,
                f"{folder} belongs to somebody else; remove it or move SERINUS_HOME to a "
                f"path of at most {LONGEST_SOCKET_PATH - 18} bytes",
                retryable=False,
            )
        return folder


def _says(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _storage_full(path: Path, error: OSError) -> Exception:
    return failure(
        Reason.STORAGE_FULL,
        f"no space left to write {path} ({error.strerror}); free some, it is tried again",
        retryable=True,
    )
