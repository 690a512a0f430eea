"""Checks the seals of orders with the key that the gateway and the workers of a cluster share.

Registered by `worker.app` on every platform; the gateway makes the key (`worker.gateway.keys`).
"""

import stat
import time
from collections.abc import Callable
from pathlib import Path

from temporalio import activity

from activities.local.threads import in_thread
from workflows.approvals import sealing
from workflows.approvals.sealing import MINIMUM_KEY, VouchRequest
from workflows.contracts import Vouching
from workflows.errors import Reason, SerinusError, failure


class SealKeyError(SerinusError):
    """The key file cannot be used; the text says why."""


class SealVouching(Vouching):
    """Vouches by one key file, read anew each time: a key may be changed while workers run."""

    def __init__(self, key_file: Path, now: Callable[[], float] = time.time) -> None:
        self._key_file = key_file
        self._now = now

    @activity.defn(name="vouching.vouch")
    async def vouch(self, request: VouchRequest) -> None:
        """`SealInvalid` unless the gateway sealed these words a moment ago."""
        try:
            key = await in_thread(read_key, self._key_file)
        except SealKeyError as error:
            raise failure(Reason.SECRET_MISSING, str(error), retryable=False) from error
        words, given = request.words, request.seal
        if not sealing.valid(key, given, words):
            text = f"the seal of this {words.verb} is not the gateway's for these words and run"
            raise failure(Reason.SEAL_INVALID, text, retryable=False)
        if not sealing.fresh(given, self._now()):
            text = f"the seal of this {words.verb} is not of the last {sealing.LIFETIME:.0f} s"
            raise failure(Reason.SEAL_INVALID, f"{text}: give the order again", retryable=False)


def read_key(path: Path) -> bytes:
    """The key in a file, without white space around it."""
    try:
        mode = path.stat().st_mode
        key = path.read_bytes().strip()
    except OSError as error:
        text = f"the seal key {path} cannot be read: {error.strerror}; see SERINUS_SEAL_KEY_FILE"
        raise SealKeyError(text) from error
    if mode & stat.S_IWOTH:
        raise SealKeyError(f"anybody may write the seal key {path}; take that right away")
    if len(key) < MINIMUM_KEY:
        raise SealKeyError(f"the seal key {path} is shorter than {MINIMUM_KEY} bytes; make another")
    return key
