"""Credentials of metric providers, from Secrets of the cluster; read anew for each question."""

import base64
import binascii
from collections.abc import Mapping

from activities.kube.api import KubeApi
from activities.kube.objects import Ref, texts_at
from workflows.errors import Reason, failure


class KubeSecrets:
    """The engine's `Secrets` for one cluster."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def __call__(self, namespace: str, name: str) -> Mapping[str, str]:
        secret = await self._api.read(Ref("v1", "Secret", name, namespace))
        if secret is None:
            problem = f"there is no Secret {namespace}/{name}; a manifest names it"
            raise failure(Reason.SECRET_MISSING, problem, retryable=False)
        try:
            return {
                key: base64.b64decode(value, validate=True).decode()
                for key, value in texts_at(secret, "data").items()
            }
        except (binascii.Error, UnicodeDecodeError) as error:
            problem = f"Secret {namespace}/{name} holds what is no text: {error}"
            raise failure(Reason.SECRET_MISSING, problem, retryable=False) from error
