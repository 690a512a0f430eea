import importlib
import inspect
import subprocess
import sys

import pytest

from worker.cli import COMMANDS, run

# fmt: off
WANTED = [
    "demo", "up", "down", "apply", "get", "delete", "plan", "status",
    "list", "history", "approve", "reject", "pause", "resume", "promote", "abort", "skip",
    "record", "replay", "audit", "alerts", "reset", "undo", "load", "loadtester", "worker",
    "controller", "doctor", "schema",
    "takeover", "handback", "gateway", "login", "token",
]
# fmt: on
PATHS = {name: path for group in COMMANDS.values() for name, (path, _) in group.items()}


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in WANTED if f"│ {name} " not in shown] == []


def test_every_command_is_there() -> None:
    assert sorted(PATHS) == sorted(WANTED)


@pytest.mark.parametrize("name", sorted(PATHS))
def test_the_command_is_a_documented_function(name: str) -> None:
    module, _, function = PATHS[name].partition(":")
    command = getattr(importlib.import_module(module), function)
    assert inspect.getdoc(command)


@pytest.mark.parametrize("name", sorted(PATHS))
def test_the_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"Usage: serinus {name}" in capsys.readouterr().out


def test_a_misspelt_command_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["aprove", "shop"]) == 1
    assert capsys.readouterr().err == "serinus: no command 'aprove'; did you mean approve?\n"


def test_a_misspelt_option_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["approve", "shop", "--comentt", "x"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("serinus: ")
    assert "--comment" in error


def test_a_name_that_cannot_be_is_refused_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["abort", "No Such Name"]) == 1
    assert capsys.readouterr().err.startswith("serinus: name 'No Such Name': ")


def test_help_imports_nothing_that_only_commands_need() -> None:
    code = (
        "import sys; from worker.cli import run; run(['--help']);"
        "heavy = {'temporalio', 'pydantic', 'yaml', 'httpx', 'rich.markdown'};"
        "sys.exit(f'imported {heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.stderr == b""
    assert done.returncode == 0
