"""The gateway's word that it knows who speaks: an HMAC over everything that an order says.

The gateway seals (`worker.gateway.speaking`), an activity checks (`activities.vouching`): both hold
the key, the workflow never sees it. A seal names the run and the moment it was given in, so that
it cannot be kept for another rollout, nor for long.
"""

import hmac
import json
from hashlib import sha256

from workflows.model.approval import Seal, Via
from workflows.model.decisions import Decision, Order, SkipUndo
from workflows.model.status import Verb
from workflows.model.value import Record

LIFETIME = 300.0
"""Seconds for which a seal is taken, by the clock of whoever checks it."""
SKEW = 30.0
"""Seconds by which the gateway's clock may be ahead."""
MINIMUM_KEY = 32
"""Bytes of a key; a shorter one is refused."""
_FORM = "serinus-seal-1"


class Spoken(Record):
    """What was said, to which run, in whose name. Instants are seconds since 1970."""

    workflow_id: str
    run_id: str
    verb: Verb
    step: str = ""
    by: str = ""
    groups: tuple[str, ...] = ()
    text: str = ""
    max_weight: int | None = None
    not_before: float | None = None


class VouchRequest(Record):
    """Is this seal ours, for these words, and young enough?"""

    words: Spoken
    seal: Seal


def spoken(workflow_id: str, run_id: str, verb: Verb, said: Decision | Order | SkipUndo) -> Spoken:
    """Everything of an order that a seal covers; the step of a `skip` is its undo hook."""
    words = Spoken(
        workflow_id=workflow_id, run_id=run_id, verb=verb, by=said.by, groups=said.groups
    )
    match said:
        case Decision():
            about: dict[str, object] = {
                "step": said.step,
                "text": said.comment,
                "max_weight": said.max_weight,
                "not_before": said.not_before,
            }
        case Order():
            about = {"text": said.reason}
        case SkipUndo():
            about = {"step": said.undo, "text": said.reason}
    return words.model_copy(update=about)


def canonical(words: Spoken, via: Via, at: float) -> bytes:
    """The bytes that are sealed: a JSON list, so that no two orders have the same."""
    fields = words.model_dump(mode="json")
    parts = [_FORM, via, at, *([name, fields[name]] for name in sorted(fields))]
    return json.dumps(parts, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()


def seal(key: bytes, words: Spoken, via: Via, at: float) -> Seal:
    """Seal an order at the instant `at`."""
    return Seal(via=via, at=at, mac=_mac(key, words, via, at))


def valid(key: bytes, given: Seal, words: Spoken) -> bool:
    """Whether the seal is of this key and for exactly these words; takes the same time always."""
    wanted = _mac(key, words, given.via, given.at)
    return hmac.compare_digest(wanted.encode(), given.mac.encode())


def fresh(given: Seal, now: float) -> bool:
    """Whether the seal is young enough to be no replay."""
    return -SKEW <= now - given.at <= LIFETIME


def _mac(key: bytes, words: Spoken, via: Via, at: float) -> str:
    return hmac.new(key, canonical(words, via, at), sha256).hexdigest()
