"""The files in deploy/crds are those of the models, and an API server can take them."""

import pytest

from tests.unit.crds.schemas import (
    FOLDER,
    NAMES,
    Node,
    at,
    definition,
    rules,
    schema,
    version,
    walk,
)
from worker.crds.kinds import files, kinds
from worker.crds.words import WORDS

MODELS = [kind.model for kind in kinds()]

KNOWN = {
    "type", "description", "properties", "required", "items", "additionalProperties", "enum",
    "pattern", "format", "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
    "x-kubernetes-validations", "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
}  # fmt: skip
FREE = {
    "canaries.flagger.app.yaml": {
        ".spec.service.trafficPolicy",
        ".spec.service.mirror.*.fraction",
    },
    "metrictemplates.flagger.app.yaml": {".status"},
    "alertproviders.flagger.app.yaml": {".status"},
    "rolloutpolicies.serinus.dev.yaml": set[str](),
    "triggers.serinus.dev.yaml": set[str](),
}


def test_files_are_those_of_the_models() -> None:
    known = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.*.yaml")}
    assert known == dict(files()), "run python -m worker.crds"


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_structural(name: str) -> None:
    for path, node in walk(schema(name)):
        assert node.keys() <= KNOWN, path
        assert ("type" in node) != ("x-kubernetes-int-or-string" in node), path
        assert not {"properties", "additionalProperties"} <= node.keys(), path
        assert (node.get("type") == "array") == ("items" in node), path


@pytest.mark.parametrize("name", NAMES)
def test_only_free_maps_keep_what_nobody_knows(name: str) -> None:
    free = {path for path, node in walk(schema(name))
            if "x-kubernetes-preserve-unknown-fields" in node}  # fmt: skip
    assert free == FREE[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_object_says_what_is_in_it(name: str) -> None:
    silent = {path for path, node in walk(schema(name))
              if node.get("type") == "object"
              and not node.keys() & {"properties", "additionalProperties",
                                     "x-kubernetes-preserve-unknown-fields"}}  # fmt: skip
    assert silent == {".metadata"}


@pytest.mark.parametrize("name", NAMES)
def test_required_fields_exist(name: str) -> None:
    for path, node in walk(schema(name)):
        required, properties = node.get("required", []), node.get("properties", {})
        assert isinstance(required, list)
        assert isinstance(properties, dict)
        assert set(map(str, required)) <= properties.keys(), path


@pytest.mark.parametrize("name", NAMES)
def test_the_only_default_stored_is_flaggers(name: str) -> None:
    stored = {path: node["default"] for path, node in walk(schema(name)) if "default" in node}
    flaggers = {".spec.analysis.sessionAffinity.maxAge": 86_400}
    assert stored == (flaggers if name.startswith("canaries") else {})


def _rules() -> list[tuple[str, Node, Node]]:
    return [
        (f"{name} {path}", node, rule)
        for name in NAMES
        for path, node in walk(schema(name))
        for rule in rules(node)
    ]


def test_rules_say_what_is_wrong_in_one_line() -> None:
    for where, _, rule in _rules():
        assert rule.keys() <= {"rule", "message", "fieldPath"}, where
        message = str(rule["message"])
        assert 8 < len(message) < 400, where
        assert "\n" not in message, where


def test_rules_point_at_fields_that_exist() -> None:
    for _, node, rule in _rules():
        at(node, str(rule.get("fieldPath", "")))


def test_rules_name_nothing_of_the_local_platform() -> None:
    assert not [where for where, _, rule in _rules() if "'local'" in str(rule["rule"])]
    targets = at(schema("canaries.flagger.app.yaml"), "spec.targetRef.kind")
    assert targets["enum"] == ["Deployment", "DaemonSet", "Service"]


def test_columns_of_canaries_are_flaggers() -> None:
    columns = version("canaries.flagger.app.yaml")["additionalPrinterColumns"]
    assert isinstance(columns, list)
    shown = [(str(column["name"]), column.get("priority", 0))
             for column in columns if isinstance(column, dict)]  # fmt: skip
    assert [name for name, priority in shown if not priority] == [
        "Status", "Weight", "LastTransitionTime"]  # fmt: skip
    assert [name for name, priority in shown if priority] == [
        "Suspended", "FailedChecks", "Interval", "Mirror", "StepWeight", "StepWeights",
        "MaxWeight"]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in NAMES if "flagger" in name])
def test_names_of_flaggers_kinds(name: str) -> None:
    spec = definition(name)["spec"]
    assert isinstance(spec, dict)
    names = spec["names"]
    assert isinstance(names, dict)
    assert names["categories"] == ["all"]
    assert "shortNames" not in names
    assert version(name)["subresources"] == {"status": {}}


STATUS = (
    "phase failedChecks canaryWeight iterations trackedConfigs lastAppliedSpec lastPromotedSpec "
    "lastTransitionTime sessionAffinityCookie primarySessionAffinityCookie "
    "previousSessionAffinityCookie conditions observedGeneration workflowId reason"
)


def test_status_keeps_flaggers_fields_and_ours() -> None:
    status = at(schema("canaries.flagger.app.yaml"), "status")
    properties = status["properties"]
    assert isinstance(properties, dict)
    assert set(STATUS.split()) <= properties.keys()
    assert "required" not in status


def test_words_are_about_fields_that_exist() -> None:
    written = "".join(files().values())
    fields = [(model, field) for model, words in WORDS.items() for field in words]
    schemas = {model.__name__: model.model_json_schema(by_alias=True) for model in MODELS}
    known = {name: each for schema in schemas.values()
             for name, each in schema.get("$defs", {}).items()}  # fmt: skip
    assert [(model, field) for model, field in fields
            if field not in known[model]["properties"]] == []  # fmt: skip
    assert "By how many percent the canary's share grows." in written


def test_fields_of_the_analysis_are_explained() -> None:
    analysis = at(schema("canaries.flagger.app.yaml"), "spec.analysis")
    properties = analysis["properties"]
    assert isinstance(properties, dict)
    assert [name for name in properties if "description" not in at(analysis, name)] == []
