"""What Traefik says of itself that it serves; the tests ask it and not the files we write."""

from collections.abc import Iterable

import httpx
from pydantic import BaseModel, TypeAdapter

from workflows.model.identity import Slot


class Named(BaseModel):
    name: str
    weight: int = 0


class Weighted(BaseModel):
    services: list[Named] = []


class Server(BaseModel):
    url: str


class LoadBalancer(BaseModel):
    servers: list[Server] = []


class Part(BaseModel):
    """A router or a service, as far as the tests look at it."""

    name: str
    service: str = ""
    weighted: Weighted = Weighted()
    loadBalancer: LoadBalancer = LoadBalancer()  # noqa: N815  Traefik's name


_PARTS = TypeAdapter(list[Part])


async def parts(http: httpx.AsyncClient, api: str, kind: str, slot: Slot) -> dict[str, Part]:
    """The `routers` or `services` of one target."""
    answer = await http.get(f"{api}/api/http/{kind}", params={"per_page": 10_000})
    answer.raise_for_status()
    head = f"{slot.namespace}-{slot.name}"
    return {
        part.name: part
        for part in _PARTS.validate_json(answer.content)
        if part.name == f"{head}@file" or part.name.startswith(f"{head}-")
    }


async def assert_primary_alone(
    http: httpx.AsyncClient, api: str, slot: Slot, ports: Iterable[int]
) -> None:
    """The target's only way leads to these ports of its primary."""
    head = f"{slot.namespace}-{slot.name}"
    routers = await parts(http, api, "routers", slot)
    services = await parts(http, api, "services", slot)
    assert set(routers) == {f"{head}@file"}
    assert set(services) == {f"{head}@file", f"{head}-primary@file"}
    assert routers[f"{head}@file"].service in {head, f"{head}-primary"}
    assert services[f"{head}@file"].weighted.services == [Named(name=f"{head}-primary", weight=100)]
    servers = services[f"{head}-primary@file"].loadBalancer.servers
    assert {server.url for server in servers} == {f"http://127.0.0.1:{port}" for port in ports}
