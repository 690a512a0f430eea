"""`serinus replay` and `audit verify` on files, without a stack."""

import json
from pathlib import Path

import pytest

from activities.audit.log import AuditLog
from tests.unit.record.runs import Run, bad_run, data_of, good_run, sealed_again
from worker.cli import run
from worker.gateway.api.instants import dated
from workflows.model.audit import AuditEntry, AuditKind


def in_file(made: Run, path: Path, *, outcome: str = "") -> Path:
    data = data_of(made.record())
    if outcome:
        data["outcome"] = outcome
        sealed_again(data)
    path.write_text(json.dumps(data))
    return path


def a_log(path: Path, *runs: Run) -> Path:
    log = AuditLog(path)
    for number, made in enumerate(runs):
        record = made.record()
        entry = AuditEntry(
            id=f"{number}/1", at=1.0, kind=AuditKind.RECORD, slot=record.slot,
            run_id=str(number), payload=data_of(record),
        )  # fmt: skip
        log.append([entry])
    return path


def test_a_record_that_replays_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", str(in_file(bad_run(), tmp_path / "record.json"))]) == 0
    said = capsys.readouterr().out
    assert said == "replayed: records 1, decisions 3, verdicts 8; no difference\n"


def test_a_record_as_the_http_api_gives_it_replays_too(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(dated(data_of(bad_run().record()))))
    assert '"2023-11-14T22:13:20Z"' in file.read_text()
    assert run(["replay", str(file)]) == 0


def test_a_record_that_does_not_is_an_error_that_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = in_file(bad_run(), tmp_path / "record.json", outcome="promoted")
    assert run(["replay", str(file)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == ("default/shop run: the outcome: recorded promoted, recomputed rolled-back")
    assert said[-1].endswith("; 1 differ")


def test_every_record_of_an_audit_log_is_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = a_log(tmp_path / "audit.jsonl", bad_run(), good_run())
    assert run(["replay", "--audit", str(log)]) == 0
    assert capsys.readouterr().out.startswith("replayed: records 2, ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no decision record: it is no JSON"),
        ("[]", "no decision record: it is no JSON object"),
        ("{}", "no decision record: slot: Field required"),
    ],
)
def test_what_is_no_record_is_said_to_be_none(
    tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "record.json"
    file.write_text(text)
    assert run(["replay", str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"serinus: {said}")


def test_a_file_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["replay"], ["audit", "verify"], ["replay", "--audit"]):
        assert run([*words, str(tmp_path / "nothing")]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_verify_prints_the_head_and_finds_a_changed_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = a_log(tmp_path / "audit.jsonl", bad_run(), good_run())
    assert run(["audit", "verify", str(log)]) == 0
    head = capsys.readouterr().out.split()[-1]
    assert run(["audit", "verify", str(log), "--head", head]) == 0
    log.write_text(log.read_text().replace("request-success-rate", "request-success-hate", 1))
    assert run(["audit", "verify", str(log)]) == 1
    assert "line 1: seq 1 was changed" in capsys.readouterr().err
