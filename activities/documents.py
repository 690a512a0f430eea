"""Texts of documents, YAML or JSON, into plain data that remembers its lines.

`activities.manifests` is the caller. YAML is read as Kubernetes' tools read it: dates and
`12:30` are strings, `1e-5` is a number; a key given twice is refused instead of the last winning.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from workflows.errors import ManifestError
from workflows.model.problem import Problem, extended, joined
from workflows.model.raw import is_array, is_object

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_REPLACED = {f"{_TAG}timestamp", f"{_TAG}int", f"{_TAG}float"}
_INT = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)$")
_FLOAT = re.compile(
    r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?$"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"
    r"|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
)
_DIGITS = "-+0123456789"
LARGEST = 100_000


class Loader(yaml.CSafeLoader):
    """Safe, and with the scalars of Kubernetes' YAML."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag not in _REPLACED]
        for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


class Dumper(yaml.CSafeDumper):
    """Safe, and quotes a string that either `Loader` or YAML 1.1 would read as something else."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  the signature is theirs
        """Write equal objects out twice: anchors are for programs, not for people."""
        return True


Loader.add_implicit_resolver(f"{_TAG}int", _INT, list(_DIGITS))
Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list(f"{_DIGITS}."))
Dumper.add_implicit_resolver(f"{_TAG}float", _FLOAT, list(f"{_DIGITS}."))


@dataclass(frozen=True)
class Document:
    """One document of a text: its data, and where it stands."""

    data: object
    source: str
    path: str = ""
    lines: Mapping[str, int] = field(default_factory=dict[str, int])

    def placed(self, problem: Problem) -> Problem:
        """The problem with its place: the line of its field, or of the nearest object around."""
        path = joined(self.path, problem.path)
        around = path
        while around and around not in self.lines:
            around = around[: max(around.rfind("."), around.rfind("["), 0)]
        line = self.lines.get(around)
        where = f"{self.source}:{line}" if line else self.source
        return problem.model_copy(update={"path": path, "where": where})

    def items(self) -> Iterator["Document"]:
        """The documents of a list as `kubectl get` prints it, else this one."""
        if not is_object(self.data):
            yield self
            return
        kind, items = self.data.get("kind"), self.data.get("items")
        if not (isinstance(kind, str) and kind.endswith("List") and is_array(items)):
            yield self
            return
        for at, data in enumerate(items):
            yield Document(data, self.source, f"items[{at}]", self.lines)


def read(text: str, source: str) -> list[Document]:
    """Every document that is not empty; a text that is neither YAML nor JSON is refused."""
    documents = _json(text, source) or _yaml(text, source)
    return [item for each in documents if each.data is not None for item in each.items()]


def _json(text: str, source: str) -> list[Document]:
    """The one document of a JSON text; none if it is not JSON, which YAML may still read."""
    if not text.lstrip().startswith("{"):
        return []

    def checked(pairs: list[tuple[str, object]]) -> dict[str, object]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ManifestError([_twice(twice, source)])
        return fields

    try:
        return [Document(json.loads(text, object_pairs_hook=checked), source)]
    except (json.JSONDecodeError, RecursionError):
        return []


def _yaml(text: str, source: str) -> list[Document]:
    try:
        loader = Loader(text)
        try:
            return list(_documents(loader, source))
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ManifestError([_unreadable(error, source)]) from error
    except RecursionError as error:
        message = "is nested too deeply to be a manifest"
        raise ManifestError([Problem(path="", message=message, where=source)]) from error


def _documents(loader: Loader, source: str) -> Iterator[Document]:
    while loader.check_node():
        node = loader.get_node()
        if node is None:
            continue
        survey = _Survey(source)
        if survey.size(node, "") > LARGEST:
            message = f"has more than {LARGEST} values once its aliases are followed"
            raise ManifestError([Problem(path="", message=message, where=source)])
        if survey.problems:
            raise ManifestError(survey.problems)
        yield Document(loader.construct_document(node), source, lines=survey.lines)


class _Survey:
    """Walks the nodes of a document once: lines of paths, keys given twice, expanded size."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines: dict[str, int] = {}
        self.problems: list[Problem] = []
        self._sizes: dict[int, int] = {}

    def size(self, node: yaml.Node, path: str) -> int:
        known = self._sizes.get(id(node))
        if known is not None:
            return known
        # Until it is known, a node inside itself counts as too large.
        self._sizes[id(node)] = LARGEST + 1
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            total = sum(self.size(value, inner) for value, inner in self._fields(node, path))
        elif isinstance(node, yaml.SequenceNode):
            total = sum(self.size(value, extended(path, at)) for at, value in enumerate(node.value))
        else:
            total = 0
        self._sizes[id(node)] = total + 1
        return total + 1

    def _fields(self, node: yaml.MappingNode, path: str) -> Iterator[tuple[yaml.Node, str]]:
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            inner = path if key.tag == _MERGE else extended(path, name)
            if key.tag != _MERGE:
                line = key.start_mark.line + 1
                if name in seen:
                    self.problems.append(_twice(inner, f"{self.source}:{line}"))
                seen.add(name)
                self.lines.setdefault(inner, line)
            yield value, inner


def _twice(path: str, where: str) -> Problem:
    return Problem(path=path, message="is given twice; which one is meant?", where=where)


def _unreadable(error: yaml.YAMLError, source: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        where = f"{source}:{error.problem_mark.line + 1}"
        return Problem(path="", message=f"is not YAML: {error.problem}", where=where)
    return Problem(path="", message=f"is not YAML: {error}".splitlines()[0], where=source)
