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


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked:
    """What every word to a rollout takes: where it runs, who says it, how to print the answer."""

    namespace: Namespace = "default"
    by: By = None
    output: Output = Format.TABLE


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Whether a command that starts a rollout follows it."""

    wait: Annotated[bool, Parameter(negative=(), help="Follow the rollout to its end.")] = False
    within: Within = None
