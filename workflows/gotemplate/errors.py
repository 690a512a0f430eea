"""The one error of templates, which shows people the place."""

from workflows.errors import SerinusError

_SHOWN = 60


class TemplateError(SerinusError):
    """A template cannot be read or rendered: `line` and `column` count from 1."""

    def __init__(self, problem: str, template: str, position: int) -> None:
        self.problem = problem
        self.position = position
        self.line = template.count("\n", 0, position) + 1
        self.column = position - (template.rfind("\n", 0, position) + 1) + 1
        rest = template[position:].split("\n", 1)[0][:_SHOWN]
        place = f"at {rest!r}" if rest else "at the end"
        super().__init__(f"line {self.line}, column {self.column}: {problem} ({place})")
