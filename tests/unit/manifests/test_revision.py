"""A revision changes when, and only when, what runs changes."""

from hypothesis import given
from hypothesis import strategies as st

from activities.manifests import dump, load
from tests.unit.manifests.documents import Document, ours
from tests.unit.manifests.strategies import processes
from workflows.model.manifest import parse
from workflows.model.process import Process, revision


def process(template: Document, **spec: int) -> Process:
    parsed = parse(ours("Process", {"template": {"command": ["shop"], **template}, **spec}))
    assert isinstance(parsed, Process)
    return parsed


def test_revision_of_a_known_template_stays_what_it_is() -> None:
    # Written down: a release of Serinus that changed it would roll out every target again.
    assert revision(process({"env": {"B": "2", "A": "1"}}).spec.template) == "v1-38c72e6b2e11"


def test_order_and_defaults_make_no_revision() -> None:
    plain = process({"env": {"A": "1", "B": "2"}})
    same = process({"env": {"B": "2", "A": "1"}, "stopGrace": "10s", "readiness": {}})
    assert revision(plain.spec.template) == revision(same.spec.template)


def test_replicas_make_no_revision() -> None:
    assert revision(process({}, replicas=1).spec.template) == revision(
        process({}, replicas=3).spec.template
    )


@given(st.dictionaries(st.sampled_from("ABC"), st.sampled_from("12")))
def test_another_environment_is_another_revision(env: dict[str, str]) -> None:
    changed = process({"env": {**env, "D": "1"}})
    assert revision(changed.spec.template) != revision(process({"env": {**env}}).spec.template)


@given(processes)
def test_revision_survives_writing_and_reading(document: dict[str, object]) -> None:
    manifest = parse(document)
    assert isinstance(manifest, Process)
    (again,) = load(dump(manifest))
    sent = Process.model_validate_json(manifest.model_dump_json())
    assert isinstance(again, Process)
    assert revision(again.spec.template) == revision(manifest.spec.template)
    assert revision(sent.spec.template) == revision(manifest.spec.template)
