"""Renders a parsed template; the only state is the context."""

from collections.abc import Iterable, Iterator, Sequence

from workflows.gotemplate.errors import TemplateError
from workflows.gotemplate.functions import BUILT_IN, Result, shown, truth
from workflows.gotemplate.lexer import Text
from workflows.gotemplate.parser import (
    Branch,
    Field,
    Function,
    Literal,
    Node,
    Operand,
    Pipeline,
    parse,
)
from workflows.model.value import Value


class TemplateContext(Value):
    """What a query may speak of; each field is a function of the same name."""

    name: str = ""
    namespace: str = ""
    target: str = ""
    service: str = ""
    ingress: str = ""
    route: str = ""
    interval: str = ""
    variables: dict[str, str] = {}


def render(template: str, context: TemplateContext) -> str:
    """The query to send; TemplateError says what is wrong and where."""
    return _Renderer(template, context).text(parse(template))


class _Renderer:
    def __init__(self, template: str, context: TemplateContext) -> None:
        self._source = template
        self._known: dict[str, Result] = dict(context)

    def text(self, nodes: Iterable[Node]) -> str:
        return "".join(self._texts(nodes))

    def _texts(self, nodes: Iterable[Node]) -> Iterator[str]:
        for node in nodes:
            match node:
                case Text(text):
                    yield text
                case Pipeline():
                    yield shown(self._pipeline(node))
                case Branch(condition, then, otherwise):
                    yield from self._texts(then if truth(self._pipeline(condition)) else otherwise)

    def _pipeline(self, pipeline: Pipeline) -> Result:
        first, *others = pipeline.commands
        value = self._command(first, ())
        for command in others:
            value = self._command(command, (value,))
        return value

    def _command(self, operands: Sequence[Operand], piped: Sequence[Result]) -> Result:
        first, *rest = operands
        if isinstance(first, Function):
            return self._call(first, self._arguments(rest, piped))
        if piped:
            raise TemplateError("only a function can stand after |", self._source, first.at)
        return self._value(first)

    def _arguments(self, operands: Iterable[Operand], piped: Iterable[Result]) -> Iterator[Result]:
        """One by one, since `and` and `or` leave the rest alone once they know."""
        for operand in operands:
            yield self._value(operand)
        yield from piped

    def _value(self, operand: Operand) -> Result:
        match operand:
            case Literal(value):
                return value
            case Function():
                return self._call(operand, iter(()))
            case Field(of, key, at):
                return self._field(self._value(of), key, at)
            case Pipeline():
                return self._pipeline(operand)

    def _field(self, found: Result, key: str, at: int) -> Result:
        if not isinstance(found, dict):
            raise TemplateError(f"{shown(found)!r} has no keys", self._source, at)
        if key not in found:
            there = ", ".join(sorted(found)) or "none"
            problem = f"templateVariables has no {key!r}; there are: {there}"
            raise TemplateError(problem, self._source, at)
        return found[key]

    def _call(self, function: Function, arguments: Iterator[Result]) -> Result:
        try:
            if function.name in {"and", "or"}:
                return _first_that_decides(function.name, arguments)
            given = list(arguments)
            if function.name in self._known:
                return _without_arguments(function.name, self._known[function.name], given)
            if not given:
                raise ValueError(f"{function.name} needs an argument")
            return BUILT_IN[function.name](given)
        except ValueError as error:
            raise TemplateError(str(error), self._source, function.at) from error


def _without_arguments(name: str, value: Result, given: Sequence[Result]) -> Result:
    if given:
        raise ValueError(f"{name} takes no arguments")
    return value


def _first_that_decides(name: str, arguments: Iterator[Result]) -> Result:
    value: Result | None = None
    for value in arguments:
        if truth(value) == (name == "or"):
            return value
    if value is None:
        raise ValueError(f"{name} needs an argument")
    return value
