"""How well the generator holds an asked rate: `python -m tests.bench.load_rate [RATE] [SECONDS]`.

A tiny server runs in a process of its own; where the hey binary is installed it is measured too.
"""

import asyncio
import re
import resource
import shutil
import subprocess
import sys
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection

import httptools
import uvloop

from activities.load.generator import LoadGenerator
from activities.load.options import LoadOptions
from activities.load.report import LoadReport
from tests.bench.table import judged, show

WORKERS = 50
Row = tuple[str, ...]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


class _Server(asyncio.Protocol):
    """Answers every request with the same two bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(ANSWER)


async def _serve(port: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _server(port: Connection) -> None:
    asyncio.run(_serve(port))


def built_in(options: LoadOptions) -> tuple[LoadReport, float]:
    """The report and the share of one core it took."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    report = uvloop.run(LoadGenerator(options).run())
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return report, used / report.elapsed


def hey(url: str, rate: float, seconds: float) -> Row | None:
    """What hey says of itself, for the same work; None where it is not installed."""
    binary = shutil.which("hey")
    if binary is None:
        return None
    asked = ("-z", f"{seconds:g}s", "-c", str(WORKERS), "-q", f"{rate / WORKERS:g}")
    started = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run((binary, *asked, url), check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    p99 = re.search(r"99% in ([\d.]+)", done.stdout)
    assert found is not None
    assert p99 is not None
    share = used / (time.perf_counter() - started)
    return _row("hey", float(found[1]), rate, float(p99[1]), share)


def _row(name: str, achieved: float, asked: float, p99: float, cpu: float) -> Row:
    off = 100 * (achieved / asked - 1)
    return (
        *(name, f"{asked:g}", f"{achieved:.1f}", f"{off:+.2f}"),
        *(f"{1000 * p99:.2f}", f"{100 * cpu:.0f}"),
    )


def measure(rate: float, seconds: float) -> tuple[LoadReport, float, Row | None]:
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    server = context.Process(target=_server, args=(sender,), daemon=True)
    server.start()
    try:
        url = f"http://127.0.0.1:{receiver.recv()}/"
        options = LoadOptions(url=url, workers=WORKERS, rate=rate / WORKERS, duration=seconds)
        return *built_in(options), hey(url, rate, seconds)
    finally:
        server.kill()
        server.join()


def main(rate: float = 2000, seconds: float = 10) -> bool:
    report, cpu, beside = measure(rate, seconds)
    assert report.latency is not None
    rows = [_row("built-in", report.rps, rate, report.latency.p99, cpu)]
    rows.append(beside or ("hey", "not installed", "", "", "", ""))
    headings = ("generator", "asked/s", "achieved/s", "off %", "p99 ms", "% of one core")
    show(f"An asked rate held for {seconds:g} s, {WORKERS} connections", headings, rows)
    off = report.rps / rate - 1
    held = judged(abs(off) <= 0.02, f"the asked rate is held within 2 %: {off:+.2%}")
    return judged(report.failed == 0, f"no request failed: {report.failed}") and held


if __name__ == "__main__":
    sys.exit(not main(*(float(number) for number in sys.argv[1:3])))
