"""Objects of any kind: where the API has them, and server-side apply.

Used by the keeper for its own objects and by `tests.cluster.session` for those of tests.
"""

import asyncio
from collections.abc import Mapping, Sequence

import yaml
from pydantic import JsonValue

from activities.kube.objects import KubeObject, at, maps_at, text_at
from tests.cluster.rest import APPLY, Refused, Rest

MANAGER = "tests"
FIRST = ("Namespace", "CustomResourceDefinition")


def parsed(given: str | KubeObject | Sequence[KubeObject]) -> list[KubeObject]:
    """Objects, whatever way they are given."""
    if isinstance(given, str):
        found: list[KubeObject] = []
        for each in yaml.safe_load_all(given):
            obj: JsonValue = each
            if isinstance(obj, dict):
                found.append(obj)
        return found
    if isinstance(given, Mapping):
        return [given]
    return list(given)


class Objects:
    """Objects of one cluster."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    async def apply(
        self, given: str | KubeObject | Sequence[KubeObject], namespace: str = "default"
    ) -> list[dict[str, JsonValue]]:
        """Server-side apply; namespaces and CRDs first, until they can be used."""
        objects = parsed(given)
        first = [each for each in objects if text_at(each, "kind") in FIRST]
        rest = [each for each in objects if text_at(each, "kind") not in FIRST]
        done = await asyncio.gather(*(self._apply(each, namespace) for each in first))
        await asyncio.gather(*(self._until_served(each) for each in first if rest or _is_crd(each)))
        return [*done, *[await self._apply(each, namespace) for each in rest]]

    async def namespace(self, name: str) -> None:
        """Make a namespace and wait until pods can be in it."""
        metadata: JsonValue = {"name": name}
        made: KubeObject = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        await self._apply(made, name)
        await self._until_served(made)

    async def path(
        self, api_version: str, kind: str, namespace: str | None, name: str | None = None
    ) -> str:
        """The path of one object, or with no name of the list."""
        plural, namespaced = await self._plural(api_version, kind)
        base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        if namespaced and namespace:
            base = f"{base}/namespaces/{namespace}"
        return "/".join([base, plural, *([name] if name else [])])

    async def _apply(self, obj: KubeObject, namespace: str) -> dict[str, JsonValue]:
        path = await self.path(
            text_at(obj, "apiVersion"),
            text_at(obj, "kind"),
            text_at(obj, "metadata", "namespace") or namespace,
            text_at(obj, "metadata", "name"),
        )
        query = f"?fieldManager={MANAGER}&force=true"
        return await self.rest.ask("PATCH", path + query, obj, APPLY)

    async def _until_served(self, first: KubeObject) -> None:
        """Wait for what else a CRD needs, and for the account that pods of a namespace need."""
        name = text_at(first, "metadata", "name")
        if _is_crd(first):
            path = await self.path(text_at(first, "apiVersion"), text_at(first, "kind"), None, name)
        else:
            path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        while not await self._there(path):  # noqa: ASYNC110  others make it
            await asyncio.sleep(0.05)

    async def _there(self, path: str) -> bool:
        try:
            found = await self.rest.ask("GET", path)
        except Refused as error:
            if error.status == 404:
                return False
            raise
        return "/customresourcedefinitions/" not in path or _established(found)

    async def _plural(self, api_version: str, kind: str) -> tuple[str, bool]:
        key = (api_version, kind)
        deadline = asyncio.get_running_loop().time() + 10
        while key not in self._plurals:
            await self._discover(api_version)
            if key not in self._plurals:
                if asyncio.get_running_loop().time() > deadline:
                    raise LookupError(f"the cluster has no {kind} in {api_version}")
                await asyncio.sleep(0.1)
        return self._plurals[key]

    async def _discover(self, api_version: str) -> None:
        base = "/api/" if "/" not in api_version else "/apis/"
        try:
            found = await self.rest.ask("GET", base + api_version)
        except Refused as error:
            if error.status in (404, 503):
                return
            raise
        for each in maps_at(found, "resources"):
            if "/" not in text_at(each, "name"):
                key = (api_version, text_at(each, "kind"))
                self._plurals[key] = (text_at(each, "name"), at(each, "namespaced") is True)


def _is_crd(obj: KubeObject) -> bool:
    return text_at(obj, "kind") == "CustomResourceDefinition"


def _established(crd: KubeObject) -> bool:
    return any(
        text_at(each, "type") == "Established" and text_at(each, "status") == "True"
        for each in maps_at(crd, "status", "conditions")
    )
