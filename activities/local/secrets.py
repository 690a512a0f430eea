"""Secrets of the local platform: one file a key, in a folder of the home that only we may read.

`<home>/secrets/<namespace>/<name>/<key>`. Read by metric providers at each query, so that a
rotated secret counts at once; they never enter a plan or a history.
"""

from collections.abc import Mapping
from pathlib import Path

from activities.local.home import Home
from activities.local.threads import in_thread
from workflows.errors import Reason, failure


class SecretFolder:
    """One for a home."""

    def __init__(self, home: Home) -> None:
        self._root = home.root / "secrets"

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        """All keys of one secret; `SecretMissing` (retryable) says where it was looked for."""
        return await in_thread(self._read, self._root / namespace / name)

    def _read(self, folder: Path) -> Mapping[str, str]:
        try:
            return {file.name: file.read_text().strip() for file in folder.iterdir()}
        except OSError as error:
            message = f"the secret {folder} cannot be read: {error.strerror}"
            raise failure(Reason.SECRET_MISSING, message, retryable=True) from error
