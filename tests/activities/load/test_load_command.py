"""`serinus load` as a process: what it prints, how it exits, and that it can be interrupted."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process

import pytest

from activities.load.report import LoadReport
from tests.activities.load.conftest import Target

PROGRAM = "import sys, cyclopts; from worker.cli.load import load; sys.exit(cyclopts.run(load))"


async def started(*words: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *words, stdout=PIPE, stderr=PIPE
    )


async def ended(process: Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def run(*words: str) -> tuple[int | None, str, str]:
    return await ended(await started(*words))


async def test_heys_letters_make_heys_requests(target: Target) -> None:
    letters = ("-n", "3", "-c", "2", "-m", "post", "-d", "-x", "-host", "shop.test")
    code, output, errors = await run(target.url, *letters, "-H", "A: b", "-H", "C: d")
    assert (code, errors) == (0, "")
    assert "3 in" in output
    assert target.seen == [("POST", "/", "-x")] * 3
    headers = target.headers[0]
    assert (headers["Host"], headers["A"], headers["C"]) == ("shop.test", "b", "d")


async def test_json_is_the_report(target: Target) -> None:
    _, output, _ = await run(target.url, "-n", "4", "-o", "json")
    assert LoadReport.model_validate_json(output).requests == 4
    assert json.loads(output)["error_rate"] == 0


async def test_csv_is_a_row_for_each_request(target: Target) -> None:
    _, output, _ = await run(target.url, "-n", "4", "-o", "csv")
    assert len(output.splitlines()) == 5


@pytest.mark.parametrize(
    ("path", "limit", "code"),
    [
        ("/broken", ("--max-error-rate", "99"), 1),
        ("/broken", ("--max-error-rate", "100"), 0),
        ("/", ("--max-p99", "1us"), 1),
        ("/", ("--max-p99", "1m", "--max-error-rate", "0"), 0),
    ],
)
async def test_a_broken_limit_is_an_exit_code_and_a_sentence(
    target: Target, path: str, limit: tuple[str, ...], code: int
) -> None:
    found, output, errors = await run(f"{target.url}{path}", "-n", "2", *limit)
    assert found == code
    assert "requests/s" in output
    assert bool(errors) == bool(code)


async def test_an_unusable_option_is_named(target: Target) -> None:
    code, _, errors = await run(target.url, "-z", "soon")
    assert code == 1
    assert "-z: 'soon'" in errors
    assert target.seen == []


async def test_an_interrupt_still_prints_what_was_measured(target: Target) -> None:
    process = await started(f"{target.url}/hang", "-z", "1h", "-c", "1")
    await target.arrived.wait()
    process.send_signal(signal.SIGINT)
    code, output, errors = await ended(process)
    assert (code, errors) == (130, "")
    assert "stopped early" in output
