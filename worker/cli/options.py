"""Options that several commands share."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from cyclopts import Parameter


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


Namespace = Annotated[str, Parameter(name=("--namespace", "-n"), help="Namespace of the target.")]
Output = Annotated[
    Format, Parameter(name=("--output", "-o"), help="table for people, json or yaml for programs.")
]
By = Annotated[str | None, Parameter(help="Who decides; your user name if not given.")]
Within = Annotated[
    float | None, Parameter(name=("--timeout", "-t"), help="Seconds to wait at most.")
]
Why = Annotated[str, Parameter(help="Why; kept in the decision record.")]


Server = Annotated[
    str, Parameter(help="URL of a gateway to ask instead of Temporal; SERINUS_TOKEN says who asks.")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Looking:
    """What every look takes: where it runs, how to print the answer, whom to ask."""

    namespace: Namespace = "default"
    output: Output = Format.TABLE
    server: Server = ""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked(Looking):
    """What every word to a rollout takes: what a look takes, and who says it."""

    by: By = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Whether a command that starts a rollout follows it."""

    wait: Annotated[bool, Parameter(negative=(), help="Follow the rollout to its end.")] = False
    within: Within = None
