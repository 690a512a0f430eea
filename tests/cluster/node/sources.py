"""What the containers of a pod take from the API: ConfigMaps, Secrets and their token.

Made by `tests.cluster.node.pods`. An API server that is away is waited for, as a kubelet does.
"""

import asyncio
from dataclasses import dataclass

from activities.kube.objects import KubeObject, text_at
from tests.cluster.node.environment import decoded
from tests.cluster.rest import UNREACHED, Refused, Rest

RETRY = 0.3
HOUR = 3600


@dataclass
class Sources:
    """Objects of one namespace."""

    rest: Rest
    namespace: str

    async def data(self, kind: str, name: str) -> dict[str, str] | None:
        """What a ConfigMap or Secret (kind in the plural) holds; None if there is none."""
        found = await self._ask("GET", f"{kind}/{name}")
        return None if found is None else decoded(kind, found)

    async def token(self, account: str) -> str:
        """A token of the service account; empty if there is no such account."""
        request: KubeObject = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": HOUR},
        }
        found = await self._ask("POST", f"serviceaccounts/{account}/token", request)
        return text_at(found or {}, "status", "token")

    async def _ask(
        self, method: str, what: str, body: KubeObject | None = None
    ) -> KubeObject | None:
        path = f"/api/v1/namespaces/{self.namespace}/{what}"
        while True:
            try:
                return await self.rest.ask(method, path, body)
            except Refused as error:
                if error.status == 404:
                    return None
            except UNREACHED:
                pass
            await asyncio.sleep(RETRY)
