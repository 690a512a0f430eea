"""Go's string literals: read from templates, written by `printf "%q"`."""

import re

from workflows.gotemplate.errors import TemplateError

_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, '"': 34}
_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\\"])|(?P<octal>[0-7]{3})|x(?P<byte>[0-9a-fA-F]{2})"
    r"|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<bad>.?))",
    re.DOTALL,
)
_WRITTEN = {7: r"\a", 8: r"\b", 12: r"\f", 10: r"\n", 13: r"\r", 9: r"\t", 11: r"\v"}


def unquote(literal: str, template: str, at: int) -> str:
    """The value of a "quoted" or `raw` literal that stands at `at` in the template."""
    body = literal[1:-1]
    if literal[0] == "`":
        # Go drops carriage returns from raw strings, so that Windows files mean the same.
        return body.replace("\r", "")
    found = bytearray()
    end = 0
    try:
        for match in _ESCAPE.finditer(body):
            found += body[end : match.start()].encode() + _escaped(match)
            end = match.end()
        return (found + body[end:].encode()).decode()
    except (ValueError, OverflowError) as error:
        raise TemplateError(f"a quoted string has a wrong escape: {error}", template, at) from error


def _escaped(match: re.Match[str]) -> bytes:
    """As in Go, octal and x escapes are bytes, u and U escapes are characters."""
    group = match.lastgroup
    text = match[group or 0]
    match group:
        case "simple":
            return bytes([_SIMPLE[text]])
        case "octal":
            return bytes([int(text, 8)])
        case "byte":
            return bytes([int(text, 16)])
        case "u" | "U":
            return chr(int(text, 16)).encode()
        case _:
            raise ValueError(match[0])


def quote(text: str) -> str:
    """As strconv.Quote: what is not printable is escaped."""
    return '"' + "".join(_quoted(char) for char in text) + '"'


def _quoted(char: str) -> str:
    code = ord(char)
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    if code in _WRITTEN:
        return _WRITTEN[code]
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
