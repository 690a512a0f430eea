"""Requests to the demo shop, counted by the version that answers; for tests."""

from collections import Counter

import aiohttp


async def asked(url: str, count: int = 1, **headers: str) -> Counter[str]:
    """Which versions answered, each request on a connection of its own; else the status."""
    found: Counter[str] = Counter()
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        for _ in range(count):
            async with session.get(url) as answer:
                found[answer.headers.get("x-shop-version", str(answer.status))] += 1
    return found
