"""Users of a service: constant traffic through a data plane, counted by who answers."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

AT_ONCE = 8


@dataclass
class Crowd:
    """`answers` by version; `failures` by status or by what went wrong."""

    answers: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[str] = field(default_factory=Counter[str])

    @property
    def sent(self) -> int:
        return self.answers.total() + self.failures.total()

    async def ask(self, session: aiohttp.ClientSession, url: str) -> None:
        try:
            async with session.get(url) as answer:
                await answer.read()
                if answer.status >= 400:
                    self.failures[str(answer.status)] += 1
                else:
                    self.answers[answer.headers.get("x-shop-version", "none")] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failures[type(error).__name__] += 1


@asynccontextmanager
async def crowd(url: str, rate: float, **headers: str) -> AsyncGenerator[Crowd]:
    """Ask `rate` times a second while the block lasts."""
    counted = Crowd()
    timeout = aiohttp.ClientTimeout(total=10)
    over = asyncio.Event()

    async def user(number: int) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + number / rate
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            while not over.is_set():
                await asyncio.sleep(due - loop.time())
                due = max(due + AT_ONCE / rate, loop.time() - 1)
                await counted.ask(session, url)

    users = [asyncio.create_task(user(number)) for number in range(AT_ONCE)]
    try:
        yield counted
    finally:
        over.set()
        await asyncio.gather(*users)


async def shares(url: str, count: int, **headers: str) -> Counter[str]:
    """So many requests as fast as they are answered, by version or status."""
    counted = Crowd()
    async with aiohttp.ClientSession(headers=headers) as session:

        async def user() -> None:
            for _ in range(count // AT_ONCE):
                await counted.ask(session, url)

        await asyncio.gather(*(user() for _ in range(AT_ONCE)))
    return counted.answers + counted.failures
