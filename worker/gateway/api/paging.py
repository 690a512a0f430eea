"""Pages of a list, told apart by where the last one ended, not by number. Pure.

Rows are ordered by a key that never changes for a row. So whatever comes and goes between two
requests, a row that is there all the time is met exactly once.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

Item = TypeVar("Item")
DIGEST = 8
MOST = 200


class ForeignCursor(ValueError):  # noqa: N818  the name says what is wrong
    """A cursor that was not given for this list and these filters."""


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some rows, and where the next page begins, if there is one."""

    items: tuple[Item, ...]
    cursor: str | None


def page_of(
    rows: Iterable[Item],
    key: Callable[[Item], str],
    *,
    filters: str,
    cursor: str | None,
    limit: int,
) -> Page[Item]:
    """The page after `cursor`; `filters` is the text of what chose the rows."""
    after = "" if cursor is None else _read(cursor, filters)
    later = sorted((row for row in rows if key(row) > after), key=key)
    shown = tuple(later[:limit])
    more = len(later) > limit
    return Page(shown, _write(key(shown[-1]), filters) if more else None)


def _write(last: str, filters: str) -> str:
    raw = f"{_digest(filters)}{last}".encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read(cursor: str, filters: str) -> str:
    """The key where the page before ended."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ForeignCursor("is not a cursor that was given here") from error
    if text[:DIGEST] != _digest(filters):
        raise ForeignCursor("was given for a list with other filters; begin again without it")
    return text[DIGEST:]


def _digest(filters: str) -> str:
    return sha256(filters.encode()).hexdigest()[:DIGEST]
