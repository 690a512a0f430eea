"""What a policy may not say of its gates, and where it says so."""

from pathlib import Path

import pytest
import yaml

from tests.unit.manifests.documents import Document, ours, problems
from workflows.model.manifest import parse
from workflows.model.policy import RolloutPolicy


@pytest.mark.parametrize(
    ("gate", "path", "message"),
    [
        ({"people": ["ana"], "quorum": 2}, "quorum", "is more than there are people"),
        ({"people": ["ana", "ANA "], "quorum": 2}, "quorum", "is more than there are people"),
        ({"quorum": 0}, "quorum", "is out of range"),
        ({"onExpiry": "hold"}, "onExpiry", "of a gate that never expires"),
        ({"expires": "1h", "onExpiry": "escalate"}, "onExpiry", "needs somebody to escalate to"),
        ({"escalateTo": {"people": ["ben"]}}, "escalateTo", "is asked by nothing"),
        ({"escalateTo": {}, "escalateAfter": "1h"}, "escalateTo", "names nobody"),
        ({"expires": "1h", "escalateAfter": "1h"}, "escalateAfter", "when the gate has expired"),
        ({"expires": "soon"}, "expires", ""),
        ({"notAutor": True}, "notAutor", "is not a field here"),
        ({"at": ""}, "at", "must not be empty"),
    ],
)
def test_a_gate_that_could_not_work_is_refused_at_its_field(
    gate: Document, path: str, message: str
) -> None:
    found = problems(ours("RolloutPolicy", {"gates": [{"at": "promote", **gate}]}))
    assert [(each.path, message in each.message) for each in found] == [
        (f"spec.gates[0].{path}", True)
    ]


def test_one_entry_a_gate() -> None:
    gates: list[Document] = [{"at": "promote"}, {"at": "promote", "quorum": 2}]
    (problem,) = problems(ours("RolloutPolicy", {"gates": [*gates]}))
    assert str(problem).endswith(
        "spec.gates[1].at: is that of gates[0] too (is promote); allowed: one of its own"
    )


def test_the_policy_of_the_documentation_is_one() -> None:
    page = (Path(__file__).parents[3] / "docs" / "approvals.md").read_text()
    example = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    policy = parse(example)
    assert isinstance(policy, RolloutPolicy)
    assert [gate.at for gate in policy.spec.gates] == ["weight-25", "confirm-promotion"]
