"""`serinus plan` on files, as people and programs read it."""

import asyncio
import io
import json
from pathlib import Path

import pytest
import yaml
from cyclopts import App

from worker.cli.options import Format
from worker.cli.plan import plan

EXAMPLES = Path(__file__).parents[1] / "manifests" / "examples"
LOCAL = """
apiVersion: serinus.dev/v1alpha1
kind: Process
metadata: {name: shop}
spec: {template: {command: [shop]}}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop}
spec:
  targetRef: {apiVersion: serinus.dev/v1alpha1, kind: Process, name: shop}
  service: {port: 80}
  analysis:
    interval: 2s
    threshold: 3
    stepWeights: [10, 50]
    metrics:
      - {name: errors, templateRef: {name: errors}, thresholdRange: {min: 1, max: 5}}
    webhooks:
      - {name: ask-ann, type: confirm-promotion, url: "http://hooks.test/"}
      - {name: smoke, url: "http://hooks.test/"}
      - {name: stop, type: rollback, url: "http://hooks.test/"}
      - {name: tell, type: post-rollout, url: "http://hooks.test/"}
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: errors}
spec: {provider: {type: prometheus, address: "http://prometheus.test"}, query: "1"}
---
apiVersion: serinus.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: strict}
spec:
  supersede: queue
  noData: hold
  guard: {enabled: false}
  undo: [{name: drop-cache, after: weight-10, url: "http://hooks.test/"}]
"""


@pytest.fixture
def local(tmp_path: Path) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(LOCAL)
    return file


def printed(capsys: pytest.CaptureFixture[str], *files: Path, output: Format = Format.TABLE) -> str:
    assert asyncio.run(plan(*files, output=output)) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def rows(text: str) -> list[str]:
    """Every line with its columns one space apart."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_weighted_example_is_shown_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert rows(printed(capsys, EXAMPLES / "seed-canary.yaml")) == [
        "default/hello · release · weighted · (current) -> (next)",
        "# step what happens canary checks hooks planned",
        "1 start start the canary and wait until it is ready 0 %",
        "2 pre-rollout call 1 pre-rollout hook before users come 0 % load-test",
        "3 weight-10 shift 10 % to the canary, 1 interval passes 10 % 2 + guard 1m",
        "4 weight-25 shift 25 % to the canary, 1 interval passes 25 % 2 + guard 1m",
        "5 weight-50 shift 50 % to the canary, 1 interval passes 50 % 2 + guard 1m",
        "6 weight-90 shift 90 % to the canary, 1 interval passes 90 % 2 + guard 1m",
        "7 promote bring the primary to the analysed revision 90 %",
        "8 return-50 back to the primary: 50 % stay for 1 interval 50 % 1m",
        "9 return-10 back to the primary: 10 % stay for 1 interval 10 % 1m",
        "10 all-primary shift all users to the primary 0 %",
        "11 finish drain and stop the canary 0 %",
        "",
        "expected 6m: interval × (steps + return) = 1m × (4 + 2)",
        "roll back 10m at worst: interval × threshold = 1m × 10",
        "guard on: ends a step at 5 failures in 3 looks with p < 1e-05,"
        " or after 10s without a ready canary",
        "check request-success-rate at least 95, over 1m",
        "check request-duration at most 500, over 1m",
        "policy default: newer revision → restart, no data → fail",
    ]


def test_equal_steps_say_which_division_gave_their_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys, EXAMPLES / "seed-canary-steps.yaml")
    assert "interval × (maxWeight / stepWeight + return) = 1m × (100 / 20 + 2)" in text
    assert "weight-100" in text


def test_blue_green_says_its_iterations(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(printed(capsys, EXAMPLES / "seed-bluegreen.yaml"))
    assert "3 iterations test out of users' sight, 10 intervals pass 0 % 2 10m" in found
    assert (
        "4 all-canary shift all users to the canary, 1 interval passes 100 % 2 + guard 1m" in found
    )
    assert "expected 11m: interval × (iterations + all-canary) = 1m × (10 + 1)" in found
    assert "roll back 2m at worst: interval × threshold = 1m × 2" in found


def test_gates_hooks_undo_and_policy_are_shown(
    capsys: pytest.CaptureFixture[str], local: Path
) -> None:
    found = rows(printed(capsys, local))
    assert "2 weight-10 shift 10 % to the canary, 1 interval passes 10 % 1 smoke 2s" in found
    assert "4 confirm-promotion ask before the promotion 50 % 1 ask-ann until open" in found
    assert "8 post-rollout call 1 post-rollout hook 0 % tell" in found
    assert "guard off" in found
    assert "check errors at least 1 and at most 5, over 1m" in found
    assert "rollback hook stop, asked at every interval" in found
    assert "undo hook drop-cache, owed once weight-10 has begun" in found
    assert "policy strict: newer revision → queue, no data → hold" in found
    assert any("and the waiting at 1 gate" in line for line in found)


def test_nothing_is_coloured_when_it_is_not_read_on_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "\x1b" not in printed(capsys, EXAMPLES / "seed-canary.yaml")


def test_json_and_yaml_say_the_same(capsys: pytest.CaptureFixture[str], local: Path) -> None:
    as_json = json.loads(printed(capsys, local, output=Format.JSON))
    as_yaml = yaml.safe_load(printed(capsys, local, output=Format.YAML))
    assert as_json == as_yaml
    assert [step["name"] for step in as_json["steps"]][:2] == ["start", "weight-10"]
    assert as_json["revision"].startswith("v1-")
    assert as_json["promoted_revision"] == "(current)"
    assert as_json["expectation"]["seconds"] == 4


def test_several_canaries_make_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(EXAMPLES.glob("seed-*.yaml"))
    plans = json.loads(printed(capsys, *files, output=Format.JSON))
    assert [each["strategy"] for each in plans] == ["blue-green", "weighted", "weighted"]


def test_a_process_alone_is_released_plainly(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "process.yaml"
    file.write_text(LOCAL.split("---", 1)[0])
    found = rows(printed(capsys, file))
    assert "1 promote bring the primary to the analysed revision 0 %" in found
    assert "2 all-primary shift all users to the primary 0 %" in found
    assert "roll back no analysis, so nothing rolls back by itself" in found


def test_a_suspended_canary_says_why_nothing_happens(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "suspended.yaml"
    file.write_text((EXAMPLES / "seed-canary.yaml").read_text() + "  suspend: true\n")
    assert "suspended: nothing is done until spec.suspend is removed" in printed(capsys, file)


def test_manifests_may_come_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(LOCAL))
    assert "default/shop" in printed(capsys, Path("-"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("name: errors, templateRef", "name: errors, templatRef"), "did you mean templateRef?"),
        (("after: weight-10", "after: weight-11"), "did you mean weight-10?"),
        (("stepWeights: [10, 50]", "stepWeights: [50, 10]"), "spec.analysis.stepWeights[1]"),
        (("metadata: {name: errors}", "metadata: {name: latency}"), "MetricTemplate"),
    ],
)
def test_a_refused_manifest_is_one_line_on_standard_error_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(LOCAL.replace(*change))
    assert asyncio.run(plan(file)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_file_that_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert asyncio.run(plan(tmp_path / "missing.yaml")) == 1
    assert "missing.yaml" in capsys.readouterr().err


def test_the_command_line_takes_files_and_a_format(
    capsys: pytest.CaptureFixture[str], local: Path
) -> None:
    app = App(result_action="return_value")
    app.command(plan)
    assert app(["plan", str(local), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "release"
