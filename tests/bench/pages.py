"""Two hundred open pages on fifty rollouts: `python -m tests.bench pages`.

The Temporal server as `serinus up` starts it, in memory; fifty rollouts on a platform that does
nothing; the gateway as a process of its own, counting what it asks of Temporal. Most pages are
streams as a browser holds them, a few are in Chromium. Then the first page with a thousand
rollouts.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import psutil
from playwright.async_api import Page, async_playwright
from pydantic import TypeAdapter
from temporalio.client import Client

from tests.bench.many import Spent, idle_worker
from tests.bench.page_gateway import LIMITS
from tests.bench.server import Server, temporal_server
from tests.bench.table import judged, show, tell
from tests.integration.patience import eventually
from worker.gateway.identity import Binding, Role
from worker.gateway.opening import open_context
from worker.gateway.settings import GatewaySettings
from worker.rollouts import QUEUE, WORKFLOW
from workflows.model.identity import Slot
from workflows.model.input import RolloutInput

ROLLOUTS, PAGES, BROWSERS, OVERVIEWS = 50, 200, 4, 20
ALL = 1_000
TICKS = 60
MEASURED = 20.0
SETTLED = 6.0
AT_ONCE = 50
LOOKS = 20
QUERIES = 1.1
"""A look a second, and the decision record when a step ends."""
FIRST_PAGE = 1.0
CHROMIUM = "/usr/bin/chromium"
METRICS: TypeAdapter[dict[str, list[dict[str, str | float]]]] = TypeAdapter(
    dict[str, list[dict[str, str | float]]]
)
COUNTS: TypeAdapter[dict[str, int]] = TypeAdapter(dict[str, int])


@dataclass
class Asked:
    """What was asked in the measured time, by a number of pages."""

    pages: int
    seconds: float
    counts: Mapping[str, int]
    processor: float
    received: int

    def rate(self, kind: str) -> float:
        return self.counts.get(kind, 0) / self.seconds


@dataclass
class Gateway:
    """The process, and how to speak to it."""

    process: asyncio.subprocess.Process
    url: str
    cookies: dict[str, str]
    spent: Spent
    received: int = 0
    streams: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def counts(self) -> dict[str, int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        return COUNTS.validate_json(await self.process.stdout.readline())

    def follow(self, http: httpx.AsyncClient, path: str) -> None:
        self.streams.append(asyncio.create_task(self._follow(http, path)))

    async def _follow(self, http: httpx.AsyncClient, path: str) -> None:
        """As an EventSource does: again when the stream ends."""
        while True:
            async with http.stream("GET", f"{self.url}{path}", cookies=self.cookies) as answer:
                answer.raise_for_status()
                async for chunk in answer.aiter_bytes():
                    self.received += len(chunk)

    async def measured(self, pages: int) -> Asked:
        await asyncio.sleep(SETTLED)
        self.spent.look()
        before, began, processor = await self.counts(), time.monotonic(), self.spent.processor
        received = self.received
        await asyncio.sleep(MEASURED)
        self.spent.look()
        after = await self.counts()
        counts = {kind: number - before.get(kind, 0) for kind, number in after.items()}
        seconds = time.monotonic() - began
        return Asked(
            pages, seconds, counts, self.spent.processor - processor, self.received - received
        )


def address(number: int) -> str:
    return f"/rollouts/local/default/app-{number % ROLLOUTS}"


@asynccontextmanager
async def the_gateway(server: Server) -> AsyncGenerator[Gateway]:
    settings = server.settings
    context = await asyncio.to_thread(
        open_context, settings, GatewaySettings(limits=LIMITS), server.client
    )
    assert context.doors is not None
    binding = Binding(role=Role.ADMIN, people=("ana",))
    cookie = context.doors.sessions.begin("ana", (), "bench", (binding,))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.page_gateway",
        str(settings.home),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        port = int(await process.stdout.readline())
        spent = Spent(psutil.Process(process.pid))
        cookies = {context.doors.browser.cookie: cookie}
        yield Gateway(process, f"http://127.0.0.1:{port}", cookies, spent)
    finally:
        process.stdin.close()
        await process.wait()


async def start(client: Client, numbers: range, queue: str) -> None:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with turn:
            slot = Slot(name=f"app-{number}")
            await client.start_workflow(
                WORKFLOW, RolloutInput(name=slot.name), id=slot.workflow_id, task_queue=queue
            )

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(one(number))


async def heap_of(page: Page) -> float:
    """Megabytes of JavaScript objects of one page."""
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")
    await session.send("HeapProfiler.collectGarbage")
    found = METRICS.validate_python(await session.send("Performance.getMetrics"))
    [used] = [each["value"] for each in found["metrics"] if each["name"] == "JSHeapUsedSize"]
    return float(used) / 2**20


@dataclass
class Seen:
    """All that was measured."""

    few: Asked
    many: Asked
    heaps: list[float]
    memory: tuple[float, float]
    first_page: list[float]


async def measure() -> Seen:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(temporal_server(in_memory=True))
        said = server.settings.home / "late.txt"
        await stack.enter_async_context(idle_worker(server, said, TICKS))
        gateway = await stack.enter_async_context(the_gateway(server))
        limits = httpx.Limits(max_connections=None)
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=60.0, trust_env=False, limits=limits)
        )
        await start(server.client, range(ROLLOUTS), QUEUE)
        gateway.spent.look()
        alone = gateway.spent.process.memory_info().rss / 2**20
        tell(f"{ROLLOUTS} rollouts run")
        for number in range(ROLLOUTS):
            gateway.follow(http, f"{address(number)}/live")
        few = await gateway.measured(ROLLOUTS)
        tell("one page a rollout is measured")
        opened = await _all_pages(stack, gateway, http)
        many = await gateway.measured(PAGES)
        memory = (alone, gateway.spent.process.memory_info().rss / 2**20)
        heaps = [await heap_of(page) for page in opened]
        await start(server.client, range(ROLLOUTS, ALL), "nobody")
        first = await _first_page(gateway, http)
        for stream in gateway.streams:
            assert not stream.done(), stream.exception()
            stream.cancel()
        await asyncio.gather(*gateway.streams, return_exceptions=True)
        return Seen(few, many, heaps, memory, first)


async def _all_pages(
    stack: AsyncExitStack, gateway: Gateway, http: httpx.AsyncClient
) -> list[Page]:
    for number in range(ROLLOUTS, PAGES - BROWSERS - OVERVIEWS):
        gateway.follow(http, f"{address(number)}/live")
    for _ in range(OVERVIEWS):
        gateway.follow(http, "/live")
    playwright = await stack.enter_async_context(async_playwright())
    browser = await playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
    )
    stack.push_async_callback(browser.close)
    context = await browser.new_context()
    context.set_default_timeout(120_000)
    [(name, value)] = gateway.cookies.items()
    await context.add_cookies([{"name": name, "value": value, "url": gateway.url}])
    pages = [await context.new_page() for _ in range(BROWSERS)]
    for number, page in enumerate(pages):
        await page.goto(f"{gateway.url}{address(number)}")
        await page.locator("body[data-following]").wait_for(state="attached")
    return pages


async def _first_page(gateway: Gateway, http: httpx.AsyncClient) -> list[float]:
    took: list[float] = []

    async def all_listed() -> bool:
        answer = await http.get(gateway.url, cookies=gateway.cookies)
        return f"{ALL} rollouts" in answer.text

    await eventually(all_listed, f"{ALL} rollouts are listed")
    for _ in range(LOOKS):
        began = time.monotonic()
        answer = await http.get(gateway.url, cookies=gateway.cookies)
        took.append(time.monotonic() - began)
        answer.raise_for_status()
        await asyncio.sleep(0.3)
    return sorted(took)


def main() -> bool:
    seen = asyncio.run(measure())
    rows = [(kind, *(f"{each.rate(kind):.1f}" for each in (seen.few, seen.many)))
            for kind in ("query status", "query record", "describe", "list")]  # fmt: skip
    rows += [
        ("gateway, processor", *(f"{100 * each.processor / each.seconds:.0f} % of a core"
                                 for each in (seen.few, seen.many))),
        ("sent to pages", *(f"{each.received / each.seconds / 1024:.0f} KB"
                            for each in (seen.few, seen.many))),
    ]  # fmt: skip
    show(
        f"{ROLLOUTS} rollouts, asked of Temporal a second",
        ("", f"{seen.few.pages} pages", f"{seen.many.pages} pages"),
        rows,
    )
    middle, slow = seen.first_page[len(seen.first_page) // 2], seen.first_page[-1]
    show(
        "Pages",
        ("", ""),
        [
            ("gateway, memory before any page", f"{seen.memory[0]:.0f} MB"),
            (f"gateway, memory with {PAGES} pages", f"{seen.memory[1]:.0f} MB"),
            ("a page in Chromium, objects", f"{max(seen.heaps):.1f} MB at most"),
            (
                f"first page with {ALL} rollouts",
                f"{1000 * middle:.0f} ms, slowest {1000 * slow:.0f} ms",
            ),
        ],
    )
    return _judge(seen, slow)


def _judge(seen: Seen, slow: float) -> bool:
    a_rollout = (seen.many.rate("query status") + seen.many.rate("query record")) / ROLLOUTS
    one = judged(
        a_rollout <= QUERIES, f"at most {QUERIES} queries a second a rollout: {a_rollout:.2f}"
    )
    lists = seen.many.rate("list")
    listed = judged(lists <= QUERIES, f"at most {QUERIES} lists a second: {lists:.2f}")
    quick = judged(slow <= FIRST_PAGE, f"the first page in {FIRST_PAGE:g} s: {slow:.2f} s")
    return one and listed and quick


if __name__ == "__main__":
    sys.exit(not main())
