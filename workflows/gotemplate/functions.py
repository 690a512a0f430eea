"""What templates may call. A wrong call is a ValueError; the renderer adds the place."""

import re
from collections.abc import Callable, Mapping, Sequence

from workflows.gotemplate.literals import quote

Result = str | int | bool | dict[str, str]

_VERB = re.compile(
    r"%(?P<flags>[-+0]*)(?P<width>\d{0,3})(?P<precision>\.\d{1,3})?(?P<verb>.|$)", re.DOTALL
)


def shown(value: Result) -> str:
    """As Go prints it with %v."""
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return "map[" + " ".join(f"{key}:{value[key]}" for key in sorted(value)) + "]"
        case _:
            return str(value)


def truth(value: Result) -> bool:
    """Go's zero values are false, as Python's."""
    return bool(value)


def printf(arguments: Sequence[Result]) -> str:
    """Go writes a mismatch of verb and value into the text; here it is an error."""
    form, *values = arguments
    if not isinstance(form, str):
        raise ValueError(f"printf needs a format first, not {shown(form)}")
    waiting = list(values)

    def formatted(verb: re.Match[str]) -> str:
        if verb[0] == "%%":
            return "%"
        if not waiting:
            raise ValueError(f"printf has no value left for {verb[0]}")
        return _formatted(verb, waiting.pop(0))

    text = _VERB.sub(formatted, form)
    if waiting:
        raise ValueError(f"printf has no verb for its last {len(waiting)} of {len(values)} values")
    return text


def _formatted(verb: re.Match[str], value: Result) -> str:
    flags, width, precision = verb["flags"], verb["width"], verb["precision"] or ""
    match verb["verb"], value:
        case (("d" | "v"), int()) if not isinstance(value, bool) and not precision:
            return f"%{flags}{width}d" % value
        case (("t" | "v"), bool()) if flags in {"", "-"} and not precision:
            return f"%{flags}{width}s" % shown(value)
        case (("s" | "v"), (str() | dict())) if flags in {"", "-"}:
            return f"%{flags}{width}{precision}s" % shown(value)
        case "q", str() if not flags + width + precision:
            return quote(value)
        case _:
            raise ValueError(f"printf cannot write {shown(value)!r} with {verb[0]}")


def _print(arguments: Sequence[Result]) -> str:
    text = ""
    for position, value in enumerate(arguments):
        apart = position and not isinstance(value, str)
        apart = apart and not isinstance(arguments[position - 1], str)
        text += (" " if apart else "") + shown(value)
    return text


def _println(arguments: Sequence[Result]) -> str:
    return " ".join(shown(value) for value in arguments) + "\n"


def _index(arguments: Sequence[Result]) -> Result:
    match arguments:
        case [dict(found), str(key)]:
            # As in Go, a key that is missing is no error here, only after a dot.
            return found.get(key, "")
        case _:
            raise ValueError('index looks up one key: index variables "key"')


def _len(arguments: Sequence[Result]) -> int:
    match arguments:
        case [str(text)]:
            return len(text.encode())
        case [dict(found)]:
            return len(found)
        case _:
            raise ValueError("len measures one text or map")


def _comparable(first: Result, second: Result) -> None:
    if type(first) is not type(second) or isinstance(first, dict):
        raise ValueError(f"{shown(first)!r} and {shown(second)!r} cannot be compared")


def _eq(arguments: Sequence[Result]) -> bool:
    first, *others = arguments
    if not others:
        raise ValueError("a comparison needs two values")
    for other in others:
        _comparable(first, other)
        if first == other:
            return True
    return False


def _ordered(holds: Callable[[int], bool]) -> Callable[[Sequence[Result]], bool]:
    def compare(arguments: Sequence[Result]) -> bool:
        match arguments:
            case [str(first), str(second)]:
                return holds((first > second) - (first < second))
            case [int(first), int(second)] if bool not in {type(first), type(second)}:
                return holds((first > second) - (first < second))
            case _:
                raise ValueError("an order is known for two texts or two numbers only")

    return compare


def _ne(arguments: Sequence[Result]) -> bool:
    if len(arguments) != 2:
        raise ValueError("ne compares two values")
    return not _eq(arguments)


def _not(arguments: Sequence[Result]) -> bool:
    if len(arguments) != 1:
        raise ValueError("not takes one value")
    return not truth(arguments[0])


BUILT_IN: Mapping[str, Callable[[Sequence[Result]], Result]] = {
    "printf": printf,
    "print": _print,
    "println": _println,
    "index": _index,
    "len": _len,
    "eq": _eq,
    "ne": _ne,
    "lt": _ordered(lambda order: order < 0),
    "le": _ordered(lambda order: order <= 0),
    "gt": _ordered(lambda order: order > 0),
    "ge": _ordered(lambda order: order >= 0),
    "not": _not,
}
