"""Where the keys of receivers are: files of the home, or Secrets of a cluster. Byte for byte.

The secrets of metric providers are read elsewhere, as text without the blanks around it; of a key
that signs, every byte counts.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping
from typing import Protocol

from activities.kube.api import KubeApi
from activities.kube.objects import Ref, texts_at
from activities.local.home import Home
from workflows.errors import Reason, failure
from workflows.model.identity import DNS_NAME

Entries = Mapping[str, bytes]


class Secrets(Protocol):
    """The secrets of one platform."""

    async def read(self, namespace: str, name: str) -> Entries:
        """All entries; `SecretMissing` if there is no such secret or it cannot be read."""
        ...


class LocalSecrets:
    """`<home>/secrets/<namespace>/<name>/<entry>`."""

    def __init__(self, home: Home) -> None:
        self._root = home.root / "secrets"

    async def read(self, namespace: str, name: str) -> Entries:
        return await asyncio.to_thread(self._read, namespace, name)

    def _read(self, namespace: str, name: str) -> Entries:
        folder = self._root / namespace / name
        if not re.fullmatch(DNS_NAME, name):
            message = f"{name!r} is no name of a secret"
            raise failure(Reason.SECRET_MISSING, message, retryable=False)
        try:
            return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        except OSError as error:
            message = f"the secret {folder} cannot be read: {error.strerror}"
            raise failure(Reason.SECRET_MISSING, message, retryable=True) from error


class KubeSecrets:
    """Secrets of a cluster."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def read(self, namespace: str, name: str) -> Entries:
        secret = await self._api.read(Ref("v1", "Secret", name, namespace))
        if secret is None:
            message = f"there is no Secret {namespace}/{name}; a Trigger names it"
            raise failure(Reason.SECRET_MISSING, message, retryable=True)
        try:
            return {
                key: base64.b64decode(value, validate=True)
                for key, value in texts_at(secret, "data").items()
            }
        except binascii.Error as error:
            message = f"Secret {namespace}/{name} holds what is not base64"
            raise failure(Reason.SECRET_MISSING, message, retryable=True) from error
