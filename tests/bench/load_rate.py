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

WORKERS = 50
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


def hey(url: str, rate: float, seconds: float) -> str:
    """What hey says of itself, for the same work."""
    binary = shutil.which("hey")
    if binary is None:
        return "hey: not installed"
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
    return _line("hey", float(found[1]), rate, float(p99[1]), share)


def _line(name: str, achieved: float, asked: float, p99: float, cpu: float) -> str:
    off = 100 * (achieved / asked - 1)
    return (
        f"{name:<9} asked {asked:g}/s  achieved {achieved:.1f}/s ({off:+.2f} %)"
        f"  p99 {1000 * p99:.2f} ms  {100 * cpu:.0f} % of one core"
    )


def main(rate: float = 2000, seconds: float = 10) -> int:
    """Print both; 1 when the built-in is more than 2 % off."""
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    server = context.Process(target=_server, args=(sender,), daemon=True)
    server.start()
    try:
        url = f"http://127.0.0.1:{receiver.recv()}/"
        options = LoadOptions(url=url, workers=WORKERS, rate=rate / WORKERS, duration=seconds)
        report, cpu = built_in(options)
        assert report.latency is not None
        sys.stdout.write(_line("built-in", report.rps, rate, report.latency.p99, cpu) + "\n")
        sys.stdout.write(hey(url, rate, seconds) + "\n")
    finally:
        server.kill()
        server.join()
    return int(abs(report.rps / rate - 1) > 0.02 or report.failed > 0)


if __name__ == "__main__":
    sys.exit(main(*(float(number) for number in sys.argv[1:3])))
