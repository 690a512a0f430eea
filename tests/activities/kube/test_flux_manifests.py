"""The manifests of docs/flux.md work as they stand: what they sign reaches a Canary."""

import base64
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import JsonValue, TypeAdapter

from activities.kube.objects import KubeObject, at, list_at, maps_at, text_at, texts_at
from tests.activities.kube.test_receivers import HandedOver, open_hooks
from tests.fakes_kube import InMemoryKube
from worker.gateway.receivers.signing import sign
from workflows.model.manifest import parse
from workflows.model.trigger import Trigger, TriggerAction

ROOT = Path(__file__).parents[3]
DOC = ROOT / "docs" / "flux.md"
FOLDER = ROOT / "examples" / "flux"
FILES = ("sender.yaml", "receiver.yaml", "ci.yaml")
ALERT_KINDS = {
    "Bucket", "GitRepository", "Kustomization", "HelmRelease", "HelmChart", "HelmRepository",
    "ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "OCIRepository",
    "ArtifactGenerator", "ExternalArtifact",
}  # fmt: skip
ALERT_FIELDS = {"providerRef", "eventSeverity", "eventSources", "inclusionList", "exclusionList",
                "eventMetadata", "suspend"}  # fmt: skip
PROVIDER_FIELDS = {"type", "address", "timeout", "secretRef", "certSecretRef", "suspend"}
_OBJECT = TypeAdapter(dict[str, JsonValue])


def documents(name: str) -> list[KubeObject]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return [_OBJECT.validate_python(each) for each in yaml.safe_load_all(text)]


def one(name: str, kind: str) -> KubeObject:
    (found,) = [each for each in documents(name) if text_at(each, "kind") == kind]
    return found


def stored(obj: KubeObject) -> KubeObject:
    """As an API server keeps a Secret; everything else stays as it is."""
    if text_at(obj, "kind") != "Secret":
        return obj
    data: dict[str, JsonValue] = {
        key: base64.b64encode(text.encode()).decode()
        for key, text in texts_at(obj, "stringData").items()
    }
    return {**{key: value for key, value in obj.items() if key != "stringData"}, "data": data}


def a_canary(kind: str, owner: str, namespace: str) -> KubeObject:
    group = {"Kustomization": "kustomize", "HelmRelease": "helm"}[kind]
    labels: dict[str, JsonValue] = {
        f"{group}.toolkit.fluxcd.io/name": owner,
        f"{group}.toolkit.fluxcd.io/namespace": namespace,
    }
    return {"apiVersion": "flagger.app/v1beta1", "kind": "Canary",
            "metadata": {"name": "shop", "namespace": "apps", "labels": labels}}  # fmt: skip


def an_event(kind: str, namespace: str, reason: str, severity: str) -> bytes:
    """What Flux sends for this Alert, with the Alert's own metadata."""
    metadata = texts_at(one("sender.yaml", "Alert"), "spec", "eventMetadata")
    return json.dumps(
        {
            "involvedObject": {"kind": kind, "namespace": namespace, "name": "shop"},
            "severity": severity,
            "timestamp": "2026-02-02T02:39:00Z",
            "message": "…",
            "reason": reason,
            "metadata": {"revision": "main@sha1:731f7ea", **metadata},
        }
    ).encode()


@pytest.mark.parametrize("name", FILES)
def test_documentation_shows_the_examples_as_they_are(name: str) -> None:
    assert f"```yaml\n{(FOLDER / name).read_text()}```" in DOC.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_triggers_are_right_and_use_secrets_of_the_same_file(name: str) -> None:
    found = documents(name)
    secrets = {
        (text_at(each, "metadata", "namespace"), text_at(each, "metadata", "name")): each
        for each in found
        if text_at(each, "kind") == "Secret"
    }
    for each in found:
        if text_at(each, "kind") == "Trigger":
            trigger = parse(dict(each))
            assert isinstance(trigger, Trigger)
            receiver = trigger.spec.receiver
            secret = secrets[trigger.metadata.namespace, receiver.secret_ref.name]
            assert set(receiver.keys) <= texts_at(secret, "stringData").keys()


def test_fluxs_objects_say_what_flux_knows() -> None:
    provider, alert = one("sender.yaml", "Provider"), one("sender.yaml", "Alert")
    for each in (provider, alert):
        assert each["apiVersion"] == "notification.toolkit.fluxcd.io/v1beta3"
    spec = at(provider, "spec")
    assert isinstance(spec, dict)
    assert spec.keys() <= PROVIDER_FIELDS
    wanted = at(alert, "spec")
    assert isinstance(wanted, dict)
    assert wanted.keys() <= ALERT_FIELDS
    assert text_at(alert, "spec", "providerRef", "name") == text_at(provider, "metadata", "name")
    assert {text_at(each, "kind") for each in maps_at(alert, "spec", "eventSources")} <= ALERT_KINDS
    places = {text_at(each, "metadata", "namespace") for each in documents("sender.yaml")}
    assert len(places) == 1
    assert list_at(alert, "spec", "eventSources")


@pytest.mark.parametrize(
    ("kind", "namespace", "reason", "severity", "action"),
    [
        ("Kustomization", "flux-system", "ReconciliationSucceeded", "info", "submit"),
        ("Kustomization", "flux-system", "HealthCheckFailed", "error", "abort"),
        ("HelmRelease", "apps", "UpgradeSucceeded", "info", "submit"),
        ("HelmRelease", "apps", "UpgradeFailed", "error", "abort"),
        ("Kustomization", "flux-system", "DependencyNotReady", "error", None),
    ],
)
async def test_delivery_signed_with_exactly_that_secret_reaches_the_canary(
    kind: str, namespace: str, reason: str, severity: str, action: str | None
) -> None:
    provider = one("sender.yaml", "Provider")
    assert text_at(provider, "spec", "type") == "generic-hmac"
    path = urlsplit(text_at(provider, "spec", "address")).path
    name = text_at(provider, "spec", "secretRef", "name")
    secret = one("sender.yaml", "Secret")
    assert text_at(secret, "metadata", "name") == name
    key = texts_at(secret, "stringData")["token"].encode()
    objects = [stored(each) for each in documents("receiver.yaml")]
    kube, orders = InMemoryKube(a_canary(kind, "shop", namespace), *objects), HandedOver()
    body = an_event(kind, namespace, reason, severity)
    async with open_hooks(kube, orders) as http:
        answer = await http.post(path, content=body, headers={"X-Signature": sign(key, body)})
    assert answer.is_success, answer.text
    assert [each.action for each in orders.orders] == ([TriggerAction(action)] if action else [])


async def test_the_call_of_ci_reaches_the_target_that_it_names() -> None:
    token = texts_at(one("ci.yaml", "Secret"), "stringData")["token"]
    objects = [stored(each) for each in documents("ci.yaml")]
    canary = a_canary("Kustomization", "other", "flux-system")
    kube, orders = InMemoryKube(canary, *objects), HandedOver()
    text = DOC.read_text(encoding="utf-8")
    call = text.partition("--retry-connrefused ")[2]
    path, body = urlsplit(call.split()[0]).path, call.partition("-d '")[2].partition("'")[0]
    async with open_hooks(kube, orders) as http:
        answer = await http.post(path, content=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.is_success, answer.text
    assert [each.slot.key for each in orders.orders] == ["apps/shop"]


def test_address_is_that_of_the_service_that_is_installed() -> None:
    text = (ROOT / "deploy/kustomize/base/gateway.yaml").read_text(encoding="utf-8")
    installed = [_OBJECT.validate_python(each) for each in yaml.safe_load_all(text)]
    (service,) = [each for each in installed if text_at(each, "kind") == "Service"]
    address = urlsplit(text_at(one("sender.yaml", "Provider"), "spec", "address"))
    name = text_at(service, "metadata", "name")
    assert address.hostname == f"{name}.serinus.svc.cluster.local"
    assert [each["port"] for each in maps_at(service, "spec", "ports")] == [address.port or 80]
    answered = [texts_at(each, "data").get("SERINUS_GATEWAY__HOSTS", "") for each in installed]
    assert address.hostname in ",".join(answered).split(",")
