"""How the text of manifests is read: documents, lines, scalars, and texts that are broken."""

import json

import pytest

from activities.manifests import dump, load
from tests.unit.manifests.documents import a_canary, canary
from workflows.errors import ManifestError
from workflows.model.policy import RolloutPolicy
from workflows.model.process import Process

PROCESS = """\
apiVersion: serinus.dev/v1alpha1
kind: Process
metadata: {name: shop}
spec:
  template:
    command: [shop]
"""


def refusal(text: str, source: str = "shop.yaml") -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load(text, source)
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    return str(caught.value).splitlines()


def test_problems_of_all_documents_come_at_once_with_their_lines() -> None:
    broken = PROCESS.replace("command", "comand")
    lines = refusal(f"{broken}---\n{PROCESS}---\n{PROCESS}  replicas: -1\n")
    assert len(lines) == 3
    assert lines[0].startswith("shop.yaml:5: spec.template.command: is required")
    assert lines[1].startswith("shop.yaml:6: spec.template.comand: is not a field here")
    assert lines[2].startswith("shop.yaml:21: spec.replicas: is out of range (is -1)")


def test_empty_documents_are_passed_over() -> None:
    assert load("") == load("---\n# nothing\n---\n") == ()
    assert len(load(f"---\n{PROCESS}---\n")) == 1


def test_json_is_read_with_any_escape() -> None:
    document = a_canary()
    document["metadata"] = {"name": "shop", "labels": {"a": "😀"}}
    (loaded,) = load(json.dumps(document))
    assert loaded.metadata.labels == {"a": "😀"}


def test_list_of_kubectl_is_its_items() -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [a_canary(), a_canary()]}
    assert load(json.dumps(listed)) == (canary(), canary())
    listed["items"] = [a_canary(), a_canary(suspendd=True)]
    (line,) = refusal(json.dumps(listed, indent=1))
    assert "items[1].spec.suspendd" in line


@pytest.mark.parametrize("text", [PROCESS + "kind: Process\n", '{"a": {"kind": 1, "kind": 2}}'])
def test_key_given_twice_is_refused(text: str) -> None:
    (line,) = refusal(text)
    assert "kind: is given twice" in line


def test_merged_key_may_be_overridden() -> None:
    text = PROCESS.replace(
        "    command: [shop]\n",
        "    <<: &shared {command: [shop], stopGrace: 3s}\n    stopGrace: 5s\n",
    )
    (loaded,) = load(text)
    assert isinstance(loaded, Process)
    assert loaded.spec.template.stop_grace.total_seconds() == 5


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: [1\nb: 2\n", "shop.yaml:2: is not YAML"),
        ("{\n", "shop.yaml:2: is not YAML"),
        ("a: *nobody\n", "shop.yaml:1: is not YAML"),
        ("a: \x00\n", "shop.yaml: is not YAML"),
        ("a: !!python/object:os.system {}\n", "shop.yaml:1: is not YAML"),
        ("- 1\n", "shop.yaml:1: is not a manifest"),
        ("shop\n", "shop.yaml:1: is not a manifest"),
        ("kind: Process\n", "shop.yaml:1: apiVersion: is required"),
        ("apiVersion: v1\n", "shop.yaml:1: kind: is required"),
    ],
)
def test_text_that_is_no_manifest(text: str, where: str) -> None:
    (line,) = refusal(text)
    assert line.startswith(where)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000 + "]" * 20_000,
        '{"a":' * 20_000 + "1" + "}" * 20_000,
        "a: &a [*a]\n",
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
                  for old, new in zip("abcdef", "bcdefg", strict=True)),
    ],
    ids=["deep", "deep-json", "in-itself", "bomb"],
)  # fmt: skip
def test_text_that_would_exhaust_the_reader_is_refused(text: str) -> None:
    assert len(refusal(text)) == 1


def test_scalars_are_those_of_kubernetes() -> None:
    text = PROCESS + "    env: {A: 2024-01-01, B: 12:30}\n"
    (loaded,) = load(text)
    assert isinstance(loaded, Process)
    assert loaded.spec.template.env == {"A": "2024-01-01", "B": "12:30"}
    head = "apiVersion: serinus.dev/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: a}\n"
    (policy,) = load(head + "spec: {guard: {pValue: 1e-7}}\n")
    assert isinstance(policy, RolloutPolicy)
    assert policy.spec.guard.p_value == 1e-7


def test_dump_leaves_defaults_out() -> None:
    (loaded,) = load(PROCESS + "  replicas: 1\n  drain: 1s\n")
    assert dump(loaded) == (
        "apiVersion: serinus.dev/v1alpha1\nkind: Process\nmetadata:\n  name: shop\n"
        "spec:\n  template:\n    command:\n    - shop\n"
    )
