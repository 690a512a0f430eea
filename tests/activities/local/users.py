"""Users: constant requests through the proxy, counted."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx


@dataclass
class Users:
    """What they met: answers by text, and everything that was no 200."""

    answers: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])

    @property
    def requests(self) -> int:
        return self.answers.total() + len(self.failures)

    def take(self, response: httpx.Response) -> None:
        if response.status_code == 200:
            self.answers[response.text] += 1
        else:
            self.failures.append(f"{response.status_code} {response.text}")


@asynccontextmanager
async def constant_users(
    url: str, host: str, *, number: int = 4, path: str = "/"
) -> AsyncGenerator[Users]:
    """Each asks, waits for the answer, and asks again, as long as the block lasts."""
    users, stop = Users(), asyncio.Event()

    async def one(http: httpx.AsyncClient) -> None:
        while not stop.is_set():
            try:
                users.take(await http.get(f"{url}{path}", headers={"Host": host}))
            except httpx.HTTPError as error:
                users.failures.append(repr(error))

    async with httpx.AsyncClient(trust_env=False) as http, asyncio.TaskGroup() as group:
        for _ in range(number):
            group.create_task(one(http))
        try:
            yield users
        finally:
            stop.set()
