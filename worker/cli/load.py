"""`serinus load`: a load test from the command line, in hey's options.

Registered by `worker.cli`. Exit codes: 0 done, 1 a limit is broken or an option unusable,
130 interrupted (what was measured until then is still printed).
"""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

import uvloop
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from activities.load import generator
from activities.load.options import (
    LoadOptions,
    LoadOptionsError,
    Output,
    checked_options,
    parse_duration,
    parse_header,
)
from activities.load.report import LoadReport, render

INTERRUPTED = 130
T = TypeVar("T")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LoadArguments:
    """What `serinus load` takes beside the URL; hey's letters, with long names."""

    duration: Annotated[
        str | None,
        Parameter(
            name=["--duration", "-z"], help="How long to send, as 10s or 3m; -n is then moot."
        ),
    ] = None
    rate: Annotated[
        float,
        Parameter(name=["--rate", "-q"], help="Requests/s of each worker; 0 is without limit."),
    ] = 0
    workers: Annotated[
        int, Parameter(name=["--workers", "-c"], help="Requests that may be under way at once.")
    ] = 50
    requests: Annotated[
        int, Parameter(name=["--requests", "-n"], help="How many requests to send.")
    ] = 200
    host: Annotated[str | None, Parameter(name=["--host", "-host"], help="The Host header.")] = None
    header: Annotated[
        tuple[str, ...],
        Parameter(name=["--header", "-H"], negative=(), help="As 'X-Canary: always'; repeatable."),
    ] = ()
    body: Annotated[
        str,
        Parameter(name=["--body", "-d"], allow_leading_hyphen=True, help="Body of each request."),
    ] = ""
    method: Annotated[str, Parameter(name=["--method", "-m"], help="HTTP method.")] = "GET"
    timeout: Annotated[
        float, Parameter(name=["--timeout", "-t"], help="Seconds to wait for an answer; 0 is ever.")
    ] = 20
    output: Annotated[
        Output, Parameter(name=["--output", "-o"], help="csv: a row a request; json: the report.")
    ] = Output.SUMMARY
    max_error_rate: Annotated[
        float | None,
        Parameter(help="Percent of requests that may fail (no answer or 5xx) before exit code 1."),
    ] = None
    max_p99: Annotated[
        str | None, Parameter(help="Highest 99th percentile, as 250ms, before exit code 1.")
    ] = None

    def options(self, url: str) -> LoadOptions:
        """These, checked."""
        duration = None if self.duration is None else _typed("-z", self.duration, parse_duration)
        return checked_options(
            {
                "url": url,
                "duration": duration,
                "rate": self.rate,
                "workers": self.workers,
                "requests": self.requests,
                "host": self.host,
                "headers": [_typed("-H", text, parse_header) for text in self.header],
                "body": self.body,
                "method": self.method.upper(),
                "timeout": self.timeout,
                "output": self.output,
            }
        )

    def p99_limit(self) -> float | None:
        """The limit in seconds."""
        return None if self.max_p99 is None else _typed("--max-p99", self.max_p99, parse_duration)


def load(url: str, arguments: LoadArguments | None = None) -> int:
    """Send load to URL; report the rate, latencies and status codes."""
    given = arguments or LoadArguments()
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        options, limit = given.options(url), given.p99_limit()
    except LoadOptionsError as error:
        errors.print(f"serinus load: {error}")
        return 1
    with _progress(errors) as show:
        test = generator.LoadGenerator(options, show)
        report = uvloop.run(_interruptible(test))
    Console(highlight=False, markup=False, soft_wrap=True).print(
        _text(test, report, options), end=""
    )
    breaches = report.breaches(given.max_error_rate, limit)
    for breach in breaches:
        errors.print(f"serinus load: {breach}")
    return INTERRUPTED if report.stopped else int(bool(breaches))


async def _interruptible(test: generator.LoadGenerator) -> LoadReport:
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, test.stop)
    return await test.run()


def _text(test: generator.LoadGenerator, report: LoadReport, options: LoadOptions) -> str:
    match options.output:
        case Output.CSV:
            return test.tally.csv()
        case Output.JSON:
            return report.model_dump_json(indent=2) + "\n"
        case Output.SUMMARY:
            return render(report)


@contextmanager
def _progress(console: Console) -> Generator[Callable[[generator.Progress], None] | None]:
    """A bar on a terminal, nothing elsewhere."""
    if not console.is_terminal:
        yield None
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)

        def show(now: generator.Progress) -> None:
            rate = now.requests / now.elapsed
            text = f"{now.requests} requests, {rate:.0f}/s, {now.failed} failed"
            bar.update(task, completed=now.share, description=text)

        yield show


def _typed(option: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise LoadOptionsError(option, str(error)) from error
