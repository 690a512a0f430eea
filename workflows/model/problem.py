"""One thing wrong with a manifest, and how the models say so.

Rules yield problems with paths relative to their own object; `workflows.model.refuse` makes
them absolute. `workflows.errors.ManifestError` carries them to people.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import LiteralString

from pydantic_core import PydanticCustomError

from workflows.model.value import Record

REFUSED = "refused"
INVALID: LiteralString = "invalid"
SHOWN = 80


class Problem(Record):
    """What is wrong, where, with which value, and what would be right."""

    path: str
    message: str
    value: str = ""
    allowed: str = ""
    did_you_mean: str = ""
    where: str = ""

    def __str__(self) -> str:
        """One line for people."""
        place = ": ".join(part for part in (self.where, self.path) if part)
        text = f"{place}: {self.message}" if place else self.message
        if self.value:
            text += f" (is {self.value})"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        return f"{text}; did you mean {self.did_you_mean}?" if self.did_you_mean else text

    def under(self, prefix: str) -> "Problem":
        """The same problem seen from an object further out."""
        return self.model_copy(update={"path": joined(prefix, self.path)})


def joined(prefix: str, path: str) -> str:
    """Put two paths together: `a` and `b[1]` are `a.b[1]`, `a` and `[1]` are `a[1]`."""
    if not prefix or not path:
        return prefix or path
    return prefix + path if path.startswith("[") else f"{prefix}.{path}"


def extended(path: str, part: int | str) -> str:
    """One step further in: an index, or a field; names that are no identifiers are quoted."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    plain = part.replace("-", "").replace("_", "").isalnum()
    return joined(path, part if plain else f'["{part}"]')


def shown(value: object) -> str:
    """A value as people wrote it, bounded to one line."""
    text = "null" if value is None else repr(value) if isinstance(value, str) else str(value)
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else text
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def refuse(problems: Iterable[Problem]) -> None:
    """Raise every problem of one object at once, if there is any; for model validators."""
    found = tuple(problems)
    if found:
        text = "; ".join(str(problem) for problem in found)
        raise PydanticCustomError(REFUSED, "{text}", {"text": text, "problems": found})


def invalid(message: str, *, allowed: str = "", did_you_mean: str = "") -> PydanticCustomError:
    """Say that a single value is wrong; for field validators."""
    context = {"text": message, "allowed": allowed, "did_you_mean": did_you_mean}
    return PydanticCustomError(INVALID, "{text}", context)


def nearest(word: str, words: Iterable[str]) -> str:
    """The word somebody meant, or the empty string; case, `_` and `-` do not count."""
    known = {_bare(name): name for name in words}
    found = get_close_matches(_bare(word), known, n=1, cutoff=0.6)
    return known[found[0]] if found else ""


def _bare(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
