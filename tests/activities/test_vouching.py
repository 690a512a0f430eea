"""The activity that knows a seal of the gateway from any other."""

from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.vouching import SealVouching
from worker.gateway.keys import key_in
from workflows.approvals.sealing import LIFETIME, SKEW, Spoken, VouchRequest, seal
from workflows.errors import Reason
from workflows.model.approval import Via
from workflows.model.status import Verb

WORDS = Spoken(workflow_id="w", run_id="r", verb=Verb.APPROVE, by="ana")
NOW = 1_000_000.0


async def reason(key_file: Path, request: VouchRequest) -> str:
    """Why it is refused; empty if it is not."""
    try:
        await ActivityEnvironment().run(SealVouching(key_file, lambda: NOW).vouch, request)
    except ApplicationError as error:
        return (error.type or "") if error.non_retryable else "it is tried again"
    return ""


def sealed(key: bytes, at: float = NOW) -> VouchRequest:
    return VouchRequest(words=WORDS, seal=seal(key, WORDS, Via.PAGE, at))


async def test_the_key_that_the_gateway_made_is_the_key_of_the_worker(tmp_path: Path) -> None:
    file = tmp_path / "gateway" / "seal.key"
    request = sealed(key_in(file))
    assert await reason(file, request) == ""
    other = request.model_copy(update={"words": WORDS.model_copy(update={"by": "ben"})})
    assert await reason(file, other) == Reason.SEAL_INVALID
    assert await reason(file, sealed(b"x" * 64)) == Reason.SEAL_INVALID


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (LIFETIME, ""),
        (LIFETIME + 1, Reason.SEAL_INVALID),
        (-SKEW, ""),
        (-SKEW - 1, Reason.SEAL_INVALID),
    ],
)
async def test_an_old_seal_is_a_replay(tmp_path: Path, age: float, expected: str) -> None:
    file = tmp_path / "seal.key"
    assert await reason(file, sealed(key_in(file), NOW - age)) == expected


async def test_a_key_may_be_changed_while_workers_run(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    before = sealed(key_in(file))
    file.write_text("n" * 64)
    assert await reason(file, before) == Reason.SEAL_INVALID
    assert await reason(file, sealed(key_in(file))) == ""


@pytest.mark.parametrize("content", [None, "", "short"])
async def test_without_a_good_key_nothing_is_vouched_for(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "seal.key"
    if content is not None:
        file.write_text(content)
    assert await reason(file, sealed(b"k" * 64)) == Reason.SECRET_MISSING


async def test_a_key_that_anybody_may_write_proves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    request = sealed(key_in(file))
    file.chmod(0o666)
    assert await reason(file, request) == Reason.SECRET_MISSING
