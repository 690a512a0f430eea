"""The users of the demo: constant traffic through the proxy, counted while it goes on."""

import asyncio
from collections import Counter
from time import perf_counter
from types import TracebackType
from typing import Self

from activities.load.generator import LoadGenerator
from activities.load.options import LoadOptions
from workflows.model.value import Record

AT_ONCE = 20
CLIENT_ERROR = 400
ENDLESS = 1_000_000_000


class Seen(Record):
    """What users met: requests sent, and failures by status or by what went wrong."""

    sent: int = 0
    failures: dict[str, int] = {}

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    def since(self, before: Self) -> "Seen":
        """What came after `before`."""
        more = Counter(self.failures)
        more.subtract(before.failures)
        return Seen(sent=self.sent - before.sent, failures=dict(+more))

    def __str__(self) -> str:
        """As in a summary: `500 x 8, connection refused x 1`."""
        return ", ".join(f"{kind} x {count}" for kind, count in self.failures.items())


class Users:
    """Sends `rate` requests a second while it is entered."""

    def __init__(
        self, url: str, host: str, rate: float, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Want the page at `url` of the service `host`."""
        self._options = LoadOptions(
            url=url,
            host=host,
            headers=headers,
            rate=rate / AT_ONCE,
            workers=AT_ONCE,
            requests=ENDLESS,
            timeout=10.0,
        )
        self._generator = LoadGenerator(self._options)
        self._began = perf_counter()
        self._task: asyncio.Task[object] | None = None

    async def __aenter__(self) -> Self:
        """Begin to send."""
        self._began = perf_counter()
        self._task = asyncio.create_task(self._generator.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send no more."""
        self._generator.stop()
        if self._task is not None:
            await self._task

    @property
    def sent(self) -> int:
        return self._generator.tally.requests

    def seen(self) -> Seen:
        """Everything until now. A client error counts too: users meet no page."""
        report = self._generator.tally.report(self._options, perf_counter() - self._began)
        refused = {
            str(status): count
            for status, count in report.statuses.items()
            if status >= CLIENT_ERROR
        }
        return Seen(sent=report.requests, failures={**refused, **report.errors})
