"""The wheel, as those get it who have nothing of this tree: built, installed, run elsewhere."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
PINNED = TREE / "requirements" / "run.txt"
# Nothing that points to this tree reaches the installed command.
BARE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def run(
    *command: str | Path, folder: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.args}: {done.stdout}{done.stderr}"
    return done


def pip_install(python: Path, *what: str | Path) -> None:
    options = ("--disable-pip-version-check", "--quiet", "--no-compile")
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", *options, *what, folder=TREE)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder outside the tree with an environment `venv` that holds the wheel and its pins."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", "--without-pip", "venv", folder=folder)
    build = (sys.executable, "-m", "hatchling", "build", "--target", "wheel")
    run(*build, "--directory", folder / "dist", folder=TREE)
    [wheel] = (folder / "dist").iterdir()
    python = folder / "venv" / "bin" / "python"
    pip_install(python, "--require-hashes", "-r", PINNED)
    pip_install(python, "--no-index", "--no-deps", wheel)
    yield folder
    shutil.rmtree(folder)  # hundreds of megabytes, which pytest would keep


@pytest.mark.timeout(600)
def test_the_installed_command_helps_from_any_folder(elsewhere: Path) -> None:
    helped = run(elsewhere / "venv" / "bin" / "serinus", "--help", folder=elsewhere, env=BARE)
    assert "Usage: serinus COMMAND" in helped.stdout
    for command in ("demo", "apply", "status", "undo"):
        assert command in helped.stdout


def test_the_wheel_and_its_pins_hold_all_that_a_worker_imports(elsewhere: Path) -> None:
    python = elsewhere / "venv" / "bin" / "python"
    asked = "import worker.app, worker.stack.demo as demo; print(worker.app.__file__)"
    found = run(python, "-I", "-W", "error", "-c", asked, folder=elsewhere, env=BARE)
    assert Path(found.stdout.strip()).is_relative_to(elsewhere)


def test_the_demo_finds_its_manifests_in_the_wheel(elsewhere: Path) -> None:
    python = elsewhere / "venv" / "bin" / "python"
    asked = (
        "from worker.stack.demo import example; from worker.stack.ports import Ports;"
        "print(example('canary.yaml', Ports()))"
    )
    found = run(python, "-I", "-c", asked, folder=elsewhere, env=BARE)
    assert "kind: Canary" in found.stdout
