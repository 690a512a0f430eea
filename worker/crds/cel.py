"""One rule of a custom resource (`x-kubernetes-validations`), and the words that rules are made of.

Used by `worker.crds.rules` and `worker.crds.fitness_rules`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Rule:
    """What must be true, where a person looks when it is not, why, and what would be right."""

    path: str
    holds: str
    message: str
    allowed: str = ""

    def written(self) -> dict[str, JsonValue]:
        """As it stands in a schema."""
        text = f"{self.message}; allowed: {self.allowed}" if self.allowed else self.message
        found: dict[str, JsonValue] = {"rule": " ".join(self.holds.split()), "message": text}
        return found | ({"fieldPath": f".{self.path}"} if self.path else {})


def one_of(words: Iterable[str]) -> str:
    """A list of words, as `in` takes it."""
    return f"[{', '.join(repr(str(word)) for word in sorted(words))}]"


def given(path: str) -> str:
    """Whether a field is set; every object on the way to it may be missing."""
    parts = path.split(".")
    whole = [".".join(parts[: count + 1]) for count in range(1, len(parts))]
    return " && ".join(f"has({each})" for each in whole)


def filled(path: str) -> str:
    """Whether a list, a map or a text has something in it."""
    return f"({given(path)} && size({path}) > 0)"


def true(path: str) -> str:
    """Whether a flag is set and true."""
    return f"({given(path)} && {path})"


def in_order(path: str, low: str, high: str) -> str:
    """Whether `low` is at most `high`, where both are set."""
    one, other = f"{path}.{low}", f"{path}.{high}"
    return f"!has({one}) || !has({other}) || {one} <= {other}"
