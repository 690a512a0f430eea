"""The manifests in deploy/kustomize start what there is, with settings that are read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import JsonValue, TypeAdapter

from activities.kube.objects import KubeObject, map_at, maps_at, text_at, texts_at
from worker.cli import COMMANDS
from worker.controller.settings import ClusterSettings
from worker.gateway.roles import read_roles
from worker.gateway.settings import PREFIX, GatewaySettings
from worker.settings import Settings
from worker.stack.temporal import TUNING

DEPLOY = Path(__file__).parents[3] / "deploy"
_OBJECT = TypeAdapter(dict[str, JsonValue])
FOR_TESTS_ONLY = "TimeSkipping"


def objects() -> Iterator[KubeObject]:
    for path in sorted((DEPLOY / "kustomize").rglob("*.yaml")):
        for each in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield _OBJECT.validate_python(each)


def found(kind: str, name: str) -> KubeObject:
    (one,) = [
        each
        for each in objects()
        if text_at(each, "kind") == kind and text_at(each, "metadata", "name") == name
    ]
    return one


def container(kind: str, name: str) -> KubeObject:
    (one,) = maps_at(found(kind, name), "spec", "template", "spec", "containers")
    return one


@pytest.mark.parametrize("name", ["worker", "controller", "loadtester", "gateway"])
def test_programs_are_commands(name: str) -> None:
    arguments = container("Deployment", name)["args"]
    assert isinstance(arguments, list)
    assert arguments[0] in {command for group in COMMANDS.values() for command in group}


def test_settings_are_read_by_somebody() -> None:
    known = {f"SERINUS_{field.upper()}" for model in (Settings, ClusterSettings)
             for field in model.model_fields}  # fmt: skip
    given = texts_at(found("ConfigMap", "settings"), "data")
    assert {name for name in given if name.startswith("SERINUS_")} <= known
    assert {name for name in given if not name.startswith("SERINUS_")} == {
        "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}  # fmt: skip


def test_settings_of_the_gateway_are_read() -> None:
    given = texts_at(found("ConfigMap", "gateway-settings"), "data")
    environment = maps_at(container("Deployment", "gateway"), "env")
    names = {*given, *(text_at(each, "name") for each in environment)}
    known = {f"{PREFIX}{field.upper()}" for field in GatewaySettings.model_fields}
    assert names <= known | {"SERINUS_HOME", "SERINUS_SEAL_KEY_FILE"}
    roles = texts_at(found("ConfigMap", "gateway-roles"), "data")["roles.yaml"]
    assert read_roles(roles.encode(), "roles.yaml") == ()


def test_settings_given_are_the_defaults() -> None:
    given = texts_at(found("ConfigMap", "settings"), "data")
    ours = {name.removeprefix("SERINUS_").lower(): text for name, text in given.items()}
    read = ClusterSettings.model_validate(
        {name: ours[name] for name in ClusterSettings.model_fields if name in ours}
    )
    assert read == ClusterSettings()


def test_bundled_temporal_is_tuned_as_that_of_the_stack() -> None:
    command = container("StatefulSet", "temporal")["command"]
    assert isinstance(command, list)
    tuned = [str(each).partition("=")[2] for each in command if "dynamic-config" in str(each)]
    assert tuned == [each for each in TUNING if FOR_TESTS_ONLY not in each]


def test_every_pod_is_confined() -> None:
    for each in objects():
        pod = map_at(each, "spec", "template", "spec")
        if pod:
            name = text_at(each, "metadata", "name")
            assert map_at(pod, "securityContext")["runAsNonRoot"] is True, name
            (one,) = maps_at(pod, "containers")
            assert map_at(one, "securityContext")["readOnlyRootFilesystem"] is True, name
            assert "memory" in map_at(one, "resources", "limits"), name


@pytest.mark.parametrize("name", ["loadtester", "temporal"])
def test_who_needs_no_rights_gets_no_token(name: str) -> None:
    kind = "Deployment" if name == "loadtester" else "StatefulSet"
    pod = map_at(found(kind, name), "spec", "template", "spec")
    assert pod["automountServiceAccountToken"] is False


def test_image_is_that_of_this_version() -> None:
    from importlib.metadata import version  # noqa: PLC0415  asked for once

    for path in (DEPLOY / "kustomize").rglob("kustomization.yaml"):
        images = maps_at(_OBJECT.validate_python(yaml.safe_load(path.read_text())), "images")
        assert [text_at(each, "newTag") for each in images] in ([], [version("serinus")]), path


def test_custom_resources_are_installed_with_the_rest() -> None:
    listed = yaml.safe_load((DEPLOY / "crds" / "kustomization.yaml").read_text())["resources"]
    written = {path.name for path in (DEPLOY / "crds").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == written


def test_image_takes_pinned_packages_only() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
