"""What a load test is asked to do, in hey's words.

The load tester reads the `hey …` lines of Flagger hooks with `parse_hey`; `serinus load` fills
`LoadOptions` from its own typed options. Pure: nothing here sends anything.
"""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

import durationpy
from pydantic import AfterValidator, Field, ValidationError

from workflows.errors import Reason, SerinusError
from workflows.model.value import Value

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.+)")
_FLAG = re.compile(r"--?([^-=][^=]*)(?:=(.*))?", re.DOTALL)
# A command in which a shell finds nothing to do but to split it into words.
_PLAIN = re.compile(r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\$`])*"|[^;|&<>()$`\n'"\\])*""", re.DOTALL)


class LoadOptionsError(SerinusError):
    """An option of a load test cannot be used; `option` names it as it was typed."""

    reason = Reason.INVALID_REQUEST

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option


class Output(StrEnum):
    """How the result is printed; hey knows the first two."""

    SUMMARY = ""
    CSV = "csv"
    JSON = "json"


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from error
    if not usable or re.search(r"\s", url):
        raise ValueError(f"{url!r} is not a URL such as http://shop.test/")
    return url


def _checked_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


class LoadOptions(Value):
    """hey's options. Times are seconds; `rate` is requests per second *per worker*, 0 = no limit.

    With a `duration`, `requests` is not looked at. A `timeout` of 0 means none.
    """

    url: Annotated[str, AfterValidator(_checked_url)]
    requests: int = Field(default=200, ge=1)
    workers: int = Field(default=50, ge=1, le=10_000)
    rate: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    duration: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    timeout: float = Field(default=20.0, ge=0, allow_inf_nan=False)
    method: str = Field(default="GET", pattern=r"^[A-Z]+$")
    host: Annotated[str, AfterValidator(_checked_line)] | None = None
    headers: tuple[tuple[str, Annotated[str, AfterValidator(_checked_line)]], ...] = ()
    body: str = ""
    output: Output = Output.SUMMARY

    @property
    def asked_rate(self) -> float | None:
        """Requests per second of all workers together; `None` = as fast as it goes."""
        return self.rate * self.workers or None


def parse_duration(text: str) -> float:
    """Seconds of a Go duration such as `1m30s`."""
    try:
        return durationpy.from_str(text).total_seconds()
    except durationpy.DurationError as error:
        raise ValueError(f"{text!r} is not a duration such as 10s, 1m30s or 500ms") from error


def parse_header(text: str) -> tuple[str, str]:
    """Name and value of a header typed as `Name: value`."""
    found = _HEADER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a header such as 'X-Canary: always'")
    return found.group(1), found.group(2)


_OPTIONS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "z": ("duration", parse_duration),
    "q": ("rate", float),
    "c": ("workers", int),
    "n": ("requests", int),
    "host": ("host", str),
    "H": ("headers", parse_header),
    "T": ("headers", lambda text: parse_header(f"Content-Type: {text}")),
    "A": ("headers", lambda text: parse_header(f"Accept: {text}")),
    "d": ("body", str),
    "m": ("method", str.upper),
    "t": ("timeout", int),
    "o": ("output", Output),
}


def is_hey(command: str) -> bool:
    """Whether the command's program is hey."""
    return re.match(r"\s*(?:\S*/)?hey(?:\s|$)", command) is not None


def parse_hey(command: str | Sequence[str]) -> LoadOptions:
    """Options of a `hey …` line; raises `LoadOptionsError` for what the generator cannot do."""
    words = _words(command) if isinstance(command, str) else list(command)
    if not words or words[0].rpartition("/")[2] != "hey":
        raise LoadOptionsError("command", "does not start with hey")
    flags, rest = _split(words[1:])
    if len(rest) != 1:
        found = f"found {len(rest)}: {' '.join(rest)}" if rest else "found none"
        raise LoadOptionsError("url", f"exactly one URL must stand after the options, {found}")
    fields: dict[str, object] = {"url": rest[0]}
    headers: list[object] = []
    for name, text in flags:
        field, value = _read(name, text)
        if field == "headers":
            headers.append(value)
        else:
            fields[field] = value
    return checked_options({**fields, "headers": headers})


def checked_options(fields: Mapping[str, object]) -> LoadOptions:
    """The options, or one `LoadOptionsError` that names the first unusable one as hey does."""
    try:
        return LoadOptions.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        typed = next((f"-{name}" for name, (known, _) in _OPTIONS.items() if known == field), field)
        raise LoadOptionsError(typed, first["msg"].removeprefix("Value error, ")) from error


def _words(command: str) -> list[str]:
    """Words of a simple command; a pipe, a second command or a variable needs a shell."""
    line = command.strip().replace("\\\n", " ")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise LoadOptionsError("command", f"cannot be read: {error}") from error
    if _PLAIN.fullmatch(line) is None:
        raise LoadOptionsError("command", "uses the shell; only the hey program can run it")
    return words


def _split(words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Options and the rest, by the rules of Go's flags: `-x v`, `-x=v`, one dash or two."""
    flags: list[tuple[str, str]] = []
    rest = list(words)
    while rest and (found := _FLAG.fullmatch(rest[0])):
        typed = rest.pop(0)
        name, value = found.groups()
        if name not in _OPTIONS:
            known = " ".join(f"-{known}" for known in _OPTIONS)
            raise LoadOptionsError(typed, f"the built-in generator does not know it, only {known}")
        if value is None and not rest:
            raise LoadOptionsError(typed, "needs a value")
        flags.append((name, rest.pop(0) if value is None else value))
    return flags, rest


def _read(name: str, text: str) -> tuple[str, object]:
    field, read = _OPTIONS[name]
    try:
        return field, read(text)
    except ValueError as error:
        raise LoadOptionsError(f"-{name}", str(error)) from error
