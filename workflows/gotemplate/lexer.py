"""Cuts a template into text and actions, and an action into tokens; called by the parser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from workflows.gotemplate.errors import TemplateError
from workflows.gotemplate.literals import unquote

_SPACE = " \t\r\n"
_OPEN = re.compile(r"\{\{(-(?=[ \t\r\n]))?")
_COMMENT = re.compile(r"/\*(?:(?!\*/).)*\*/([ \t\r\n]-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""
      (?P<STRING> "(?:[^"\\\n]|\\.)*" | `[^`]*` )
    | (?P<NUMBER> [+-]?(?:0|[1-9]\d*) (?![\w.]) )
    | (?P<FIELD> \.[^\W\d]\w* )
    | (?P<WORD> [^\W\d]\w* )
    | (?P<PIPE> \| )
    | (?P<LEFT> \( )
    | (?P<RIGHT> \) )
    """,
    re.VERBOSE,
)
_WHY = (
    ('"', "a quoted string is not closed"),
    ("`", "a quoted string is not closed"),
    ("/*", "a comment must stand right after {{ and end right before }}"),
    ("-}}", "white space is missing before the trim marker -}}"),
    ("-", 'a name with "-" must be quoted: index variables "my-key"'),
    ("$", "template variables ($x) are not supported; use templateVariables"),
    (".", "there is no other data; write variables.key, or a function such as target"),
)


class Kind(Enum):
    """What a token is."""

    STRING = auto()
    NUMBER = auto()
    FIELD = auto()
    WORD = auto()
    PIPE = auto()
    LEFT = auto()
    RIGHT = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an action. `spaced`: white space stands before it, which Go cares about."""

    kind: Kind
    text: str
    at: int
    spaced: bool


@dataclass(frozen=True, slots=True)
class Text:
    """What is copied to the output."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """What stands between two pairs of braces; the last token is END."""

    tokens: tuple[Token, ...]
    at: int


def pieces(template: str) -> Iterator[Text | Action]:
    """Text and actions in order, trim markers applied, comments left out."""
    at, trim = 0, False
    while opened := _OPEN.search(template, at):
        yield Text(_trimmed(template[at : opened.start()], left=trim, right=bool(opened[1])))
        # After a trim marker Go skips exactly one character before it looks for a comment.
        if comment := _COMMENT.match(template, opened.end() + bool(opened[1])):
            at, trim = comment.end(), bool(comment[1])
            continue
        tokens, at, trim = _action(template, opened.end())
        yield Action(tokens, opened.start())
    yield Text(_trimmed(template[at:], left=trim, right=False))


def _trimmed(text: str, *, left: bool, right: bool) -> str:
    text = text.lstrip(_SPACE) if left else text
    return text.rstrip(_SPACE) if right else text


def _action(template: str, at: int) -> tuple[tuple[Token, ...], int, bool]:
    tokens: list[Token] = []
    while True:
        start = at
        while at < len(template) and template[at] in _SPACE:
            at += 1
        spaced = at > start
        if template.startswith("}}", at) or (spaced and template.startswith("-}}", at)):
            trim = template[at] == "-"
            tokens.append(Token(Kind.END, "}}", at, spaced))
            return tuple(tokens), at + 2 + trim, trim
        token = _token(template, at, spaced=spaced)
        tokens.append(token)
        at += len(token.text)


def _token(template: str, at: int, *, spaced: bool) -> Token:
    match = _TOKEN.match(template, at)
    if match is None:
        raise TemplateError(_unreadable(template, at), template, at)
    kind = Kind[match.lastgroup or ""]
    if kind is Kind.STRING:
        unquote(match[0], template, at)
    return Token(kind, match[0], at, spaced)


def _unreadable(template: str, at: int) -> str:
    rest = template[at:]
    if not rest:
        return "an action is opened with {{ and never closed with }}"
    return next((why for start, why in _WHY if rest.startswith(start)), "this cannot be read")
