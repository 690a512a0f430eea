"""Reads a template into a tree, so that mistakes in branches not taken are found as well."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from workflows.gotemplate.errors import TemplateError
from workflows.gotemplate.lexer import Action, Kind, Text, Token, pieces
from workflows.gotemplate.literals import unquote

DEEPEST = 50

CONTEXT_FUNCTIONS = frozenset(
    {"name", "namespace", "target", "service", "ingress", "route", "interval", "variables"}
)
FUNCTIONS = CONTEXT_FUNCTIONS | {
    *("printf", "print", "println", "index", "len"),
    *("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"),
}
_CONSTANTS: Mapping[str, bool] = MappingProxyType({"true": True, "false": False})
_UNSUPPORTED = frozenset(
    {"range", "with", "define", "template", "block", "break", "continue", "nil"}
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number or truth value."""

    value: str | int | bool
    at: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function by its name; arguments are its neighbours in the command."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Field:
    """What stands before the dot, and the key behind it."""

    of: "Function | Pipeline"
    key: str
    at: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, each of which gets the one before as its last argument."""

    commands: "tuple[tuple[Operand, ...], ...]"
    at: int


Operand = Literal | Function | Field | Pipeline


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`: an `else if` is a branch within `otherwise`."""

    condition: Pipeline
    then: "tuple[Node, ...]"
    otherwise: "tuple[Node, ...]"


Node = Text | Pipeline | Branch


def parse(template: str) -> tuple[Node, ...]:
    """The whole template; raises TemplateError at the first thing that is not understood."""
    return _Parser(template).template()


class _Parser:
    def __init__(self, template: str) -> None:
        self._source = template
        self._pieces = pieces(template)
        self._tokens: tuple[Token, ...] = ()
        self._next = 0
        self._depth = 0

    def template(self) -> tuple[Node, ...]:
        nodes, ended_by = self._nodes()
        if ended_by is not None:
            raise self._error(f"{{{{ {ended_by.text} }}}} without an if", ended_by)
        return nodes

    def _nodes(self) -> tuple[tuple[Node, ...], Token | None]:
        """Nodes up to the end of the template or to an `else` or `end`."""
        nodes: list[Node] = []
        for piece in self._pieces:
            if isinstance(piece, Text):
                nodes.append(piece)
                continue
            first = self._enter(piece)
            if first.kind is Kind.WORD and first.text in {"else", "end"}:
                return tuple(nodes), first
            nodes.append(self._statement(first))
        return tuple(nodes), None

    def _enter(self, action: Action) -> Token:
        self._tokens, self._next = action.tokens, 0
        return self._tokens[0]

    def _statement(self, first: Token) -> Node:
        if first.kind is Kind.WORD and first.text == "if":
            self._take()
            return self._branch(first)
        return self._pipeline(Kind.END)

    def _branch(self, opened: Token) -> Branch:
        self._deeper(opened)
        condition = self._pipeline(Kind.END)
        then, ended_by = self._nodes()
        otherwise: tuple[Node, ...] = ()
        if ended_by is not None and ended_by.text == "else":
            otherwise, ended_by = self._otherwise()
        if ended_by is None or ended_by.text != "end":
            raise self._error("this if has no {{ end }}", opened)
        self._next = 1
        self._end_of_action()
        self._depth -= 1
        return Branch(condition, then, otherwise)

    def _otherwise(self) -> tuple[tuple[Node, ...], Token | None]:
        self._take()
        again = self._peek()
        if again.kind is Kind.WORD and again.text == "if":
            self._take()
            branch = self._branch(again)
            # The `end` of an `else if` closes the whole chain; it stands in the current action.
            return (branch,), self._tokens[0]
        self._end_of_action()
        return self._nodes()

    def _end_of_action(self) -> None:
        if self._peek().kind is not Kind.END:
            raise self._error("nothing may follow here", self._peek())

    def _pipeline(self, closing: Kind) -> Pipeline:
        start = self._peek()
        commands = [self._command()]
        while self._peek().kind is Kind.PIPE:
            self._take()
            commands.append(self._command())
        if self._peek().kind is not closing:
            raise self._error("this does not belong here", self._peek())
        self._take()
        return Pipeline(tuple(commands), start.at)

    def _command(self) -> tuple[Operand, ...]:
        operands: list[Operand] = []
        while self._peek().kind not in {Kind.PIPE, Kind.RIGHT, Kind.END}:
            if operands and not self._peek().spaced:
                raise self._error("white space is missing before this", self._peek())
            operands.append(self._operand())
        if not operands:
            raise self._error("a value is missing", self._peek())
        if len(operands) > 1 and not isinstance(operands[0], Function):
            raise self._error("only a function takes arguments", self._peek())
        return tuple(operands)

    def _operand(self) -> Operand:
        operand = self._term()
        while self._peek().kind is Kind.FIELD and not self._peek().spaced:
            if isinstance(operand, Literal | Field):
                raise self._error("text and numbers have no keys", self._peek())
            field = self._take()
            operand = Field(operand, field.text[1:], field.at)
        return operand

    def _term(self) -> Operand:
        token = self._take()
        match token.kind:
            case Kind.STRING:
                return Literal(unquote(token.text, self._source, token.at), token.at)
            case Kind.NUMBER:
                return Literal(int(token.text), token.at)
            case Kind.WORD:
                return self._word(token)
            case Kind.LEFT:
                self._deeper(token)
                inner = self._pipeline(Kind.RIGHT)
                self._depth -= 1
                return inner
            case Kind.FIELD:
                raise self._error(f"write variables{token.text}: there is no other data", token)
            case _:
                raise self._error("this does not belong here", token)

    def _word(self, token: Token) -> Operand:
        if token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text], token.at)
        if token.text in FUNCTIONS:
            return Function(token.text, token.at)
        if token.text in _UNSUPPORTED:
            raise self._error(f"{token.text} is not supported in metric templates", token)
        known = ", ".join(sorted(CONTEXT_FUNCTIONS))
        raise self._error(f"there is no function {token.text}; there are {known}", token)

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(f"nested more than {DEEPEST} deep", token)

    def _peek(self) -> Token:
        return self._tokens[min(self._next, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _error(self, problem: str, token: Token) -> TemplateError:
        return TemplateError(problem, self._source, token.at)
