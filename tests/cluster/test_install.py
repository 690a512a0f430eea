"""What deploy/kustomize makes is what an API server takes, with rights enough and no more."""

from pathlib import Path

import pytest
import yaml
from pydantic import JsonValue, TypeAdapter

from activities.kube.objects import KubeObject, list_at, map_at, text_at
from activities.kube.permissions import Program, permissions
from tests.cluster.session import Cluster

KUSTOMIZE = Path(__file__).parents[2] / "deploy" / "kustomize"
OVERLAYS = ["existing-temporal", "bundled-temporal"]
SPACE = "installing"
RESTRICTED: KubeObject = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": SPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}
_OBJECTS = TypeAdapter(list[dict[str, JsonValue]])
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")


async def objects(cluster: Cluster, overlay: str) -> list[dict[str, JsonValue]]:
    """Everything that an overlay makes."""
    text = await cluster.kubectl("kustomize", str(KUSTOMIZE / overlay))
    return _OBJECTS.validate_python(list(yaml.safe_load_all(text)))


async def tried(cluster: Cluster, obj: KubeObject) -> None:
    """Ask the server to make it, strictly, without making it."""
    where = (text_at(obj, "apiVersion"), text_at(obj, "kind"))
    inside = map_at(obj, "metadata")
    if "namespace" in inside:
        inside = {**inside, "namespace": SPACE}
    path = await cluster.objects.path(*where, SPACE)
    query = "?dryRun=All&fieldValidation=Strict"
    await cluster.rest.ask("POST", path + query, {**obj, "metadata": inside})


@pytest.mark.parametrize("overlay", OVERLAYS)
async def test_every_object_is_taken(cluster: Cluster, overlay: str) -> None:
    await cluster.apply(RESTRICTED)
    made = await objects(cluster, overlay)
    for obj in made:
        if text_at(obj, "kind") not in {"CustomResourceDefinition", "Namespace"}:
            await tried(cluster, {**obj, "metadata": {**map_at(obj, "metadata"), "name": "tried"}})
    kinds = [text_at(obj, "kind") for obj in made]
    assert kinds.count("CustomResourceDefinition") == 5
    assert kinds.count("Deployment") == 4


@pytest.mark.parametrize("overlay", OVERLAYS)
async def test_pods_may_run_in_a_restricted_namespace(cluster: Cluster, overlay: str) -> None:
    await cluster.apply(RESTRICTED)
    for obj in await objects(cluster, overlay):
        template = map_at(obj, "spec", "template")
        if template:
            spec = {**map_at(template, "spec"), "serviceAccountName": "default"}
            data: KubeObject = {"name": "data", "emptyDir": {}}
            volumes: list[JsonValue] = [*list_at(template, "spec", "volumes"), dict(data)]
            pod: KubeObject = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"},
                               "spec": {**spec, "volumes": volumes}}  # fmt: skip
            await tried(cluster, pod)


@pytest.mark.parametrize("program", list(Program))
async def test_rights_are_those_of_the_table(cluster: Cluster, program: Program) -> None:
    await cluster.apply((KUSTOMIZE / "base" / "rbac.yaml").read_text(), SPACE)
    allowed = {
        (row.group, row.resource, verb)
        for row in permissions()
        if row.program is program
        for verb in row.verbs
    }
    asked = {(row.group, row.resource) for row in permissions()}
    asked |= {("", "nodes"), ("", "pods/exec"), ("rbac.authorization.k8s.io", "clusterroles")}
    for group, resource in sorted(asked):
        for verb in VERBS:
            found = await may(cluster, program, group, resource, verb)
            assert found == ((group, resource, verb) in allowed), (group, resource, verb)


async def may(cluster: Cluster, program: str, group: str, resource: str, verb: str) -> bool:
    """Whether the service account of a program may do this in any namespace."""
    plural, _, subresource = resource.partition("/")
    review: KubeObject = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:serinus:serinus-{program}",
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": {"group": group, "resource": plural, "verb": verb,
                                   "subresource": subresource, "namespace": SPACE},
        },
    }  # fmt: skip
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    answer = await cluster.rest.ask("POST", path, review)
    return map_at(answer, "status").get("allowed") is True
