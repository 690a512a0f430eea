"""What is, and what is not, a new revision of a target."""

import copy
import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from workflows.model.revision import target_revision


def deployment(template: Mapping[str, JsonValue], **more: JsonValue) -> dict[str, JsonValue]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "podinfo"},
        "spec": {"replicas": 2, "template": dict(template)},
        **more,
    }


WRITTEN: dict[str, JsonValue] = {
    "metadata": {"labels": {"app": "podinfo", "empty": ""}},
    "spec": {
        "serviceAccountName": "podinfo",
        "containers": [
            {
                "name": "podinfo",
                "image": "ghcr.io/stefanprodan/podinfo:6.0.0",
                "command": [],
                "ports": [{"containerPort": 9898}],
                "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}},
                "readinessProbe": {"httpGet": {"port": 9898, "path": "/readyz"}},
                "env": [
                    {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                    {"name": "EMPTY", "value": ""},
                ],
            }
        ],
        "volumes": [{"name": "data", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c"}}],
    },
}
SERVED: dict[str, JsonValue] = {
    "metadata": {"creationTimestamp": None, "labels": {"app": "podinfo", "empty": ""}},
    "spec": {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
        "serviceAccount": "podinfo",
        "serviceAccountName": "podinfo",
        "containers": [
            {
                "name": "podinfo",
                "image": "ghcr.io/stefanprodan/podinfo:6.0.0",
                "imagePullPolicy": "IfNotPresent",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "ports": [{"containerPort": 9898, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}},
                "readinessProbe": {
                    "failureThreshold": 3,
                    "httpGet": {"path": "/readyz", "port": 9898, "scheme": "HTTP"},
                    "periodSeconds": 10,
                    "successThreshold": 1,
                    "timeoutSeconds": 1,
                },
                "env": [
                    {
                        "name": "NODE",
                        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}},  # noqa: E501
                    },
                    {"name": "EMPTY"},
                ],
            }
        ],
        "volumes": [
            {"name": "data", "emptyDir": {}},
            {"name": "c", "configMap": {"name": "c", "defaultMode": 420}},
        ],
    },
}  # fmt: skip


def test_an_object_that_the_server_completed_is_the_manifest_it_came_from() -> None:
    assert target_revision(deployment(SERVED), {}) == target_revision(deployment(WRITTEN), {})


def test_the_digest_of_a_stored_object_never_changes() -> None:
    assert target_revision(deployment(WRITTEN), {"configmap/c": "1"}) == "s1-f2254d13b2b2910c"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("metadata", "annotations"), {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00Z"}),
        (("metadata", "labels"), {"app": "podinfo", "empty": None}),
        (("spec", "terminationGracePeriodSeconds"), 31),
        (("spec", "terminationGracePeriodSeconds"), 0),
        (("spec", "enableServiceLinks"), False),
        (("spec", "hostNetwork"), True),
        (("spec", "volumes"), []),
        (("spec", "nodeSelector"), {"node-role.kubernetes.io/worker": ""}),
        (("spec", "containers", 0, "image"), "ghcr.io/stefanprodan/podinfo:6.0.1"),
        (("spec", "containers", 0, "imagePullPolicy"), "Always"),
        (("spec", "containers", 0, "readinessProbe", "httpGet", "scheme"), "HTTPS"),
        (("spec", "containers", 0, "resources", "limits", "cpu"), "501m"),
        (("spec", "containers", 0, "securityContext"), {"allowPrivilegeEscalation": False}),
    ],
)
def test_what_a_user_changes_in_the_template_is_a_new_revision(
    path: tuple[str | int, ...], value: JsonValue
) -> None:
    changed = copy.deepcopy(SERVED)
    put(changed, path, value)
    assert target_revision(deployment(changed), {}) != target_revision(deployment(SERVED), {})


def test_what_is_outside_of_the_template_is_no_new_revision() -> None:
    scaled = deployment(WRITTEN, status={"replicas": 3})
    scaled["spec"] = {"replicas": 0, "paused": True, "template": WRITTEN}
    assert target_revision(scaled, {}) == target_revision(deployment(WRITTEN), {})


def test_a_changed_or_newly_tracked_config_is_a_new_revision() -> None:
    target = deployment(WRITTEN)
    seen = {target_revision(target, configs) for configs in ({}, {"secret/s": "1"},
                                                             {"secret/s": "2"})}  # fmt: skip
    assert len(seen) == 3


def test_a_selector_that_means_all_is_not_one_that_is_not_there() -> None:
    def spread(term: dict[str, JsonValue]) -> str:
        return target_revision(deployment({"spec": {"topologySpreadConstraints": [term]}}), {})

    assert spread({"topologyKey": "zone", "labelSelector": {}}) != spread({"topologyKey": "zone"})


def test_a_daemon_set_scaled_to_zero_keeps_its_revision() -> None:
    def daemon_set(nodes: dict[str, JsonValue]) -> dict[str, JsonValue]:
        template: dict[str, JsonValue] = {"spec": {"containers": [], "nodeSelector": nodes}}
        return {**deployment(template), "kind": "DaemonSet"}

    stopped = daemon_set({"flagger.app/scale-to-zero": "true", "disk": "ssd"})
    assert target_revision(stopped, {}) == target_revision(daemon_set({"disk": "ssd"}), {})
    stopped = daemon_set({"flagger.app/scale-to-zero": "true"})
    assert target_revision(stopped, {}) == target_revision(daemon_set({}), {})


def test_ports_that_a_host_network_fills_in_are_no_new_revision() -> None:
    def on_host(port: dict[str, JsonValue]) -> str:
        container: dict[str, JsonValue] = {"name": "a", "image": "a:1", "ports": [port]}
        spec: dict[str, JsonValue] = {"hostNetwork": True, "containers": [container]}
        return target_revision(deployment({"spec": spec}), {})

    assert on_host({"containerPort": 80, "hostPort": 80}) == on_host({"containerPort": 80})
    assert on_host({"containerPort": 80, "hostPort": 81}) != on_host({"containerPort": 80})


def service(**spec: JsonValue) -> dict[str, JsonValue]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "backend"}, "spec": spec}


def test_addresses_that_a_cluster_hands_out_are_no_part_of_a_services_revision() -> None:
    written = service(selector={"app": "a"}, ports=[{"port": 80}])
    served = service(
        selector={"app": "a"},
        ports=[{"port": 80, "targetPort": 80, "protocol": "TCP", "nodePort": 30123}],
        clusterIP="10.0.0.1",
        clusterIPs=["10.0.0.1"],
        ipFamilies=["IPv4"],
        ipFamilyPolicy="SingleStack",
        internalTrafficPolicy="Cluster",
        sessionAffinity="None",
        type="ClusterIP",
    )
    assert target_revision(served, {}) == target_revision(written, {})
    other = service(selector={"app": "b"}, ports=[{"port": 80}])
    assert target_revision(other, {}) != target_revision(written, {})


def test_a_knative_service_is_at_the_revision_made_of_it_last() -> None:
    def knative(status: dict[str, JsonValue]) -> str:
        kind: dict[str, JsonValue] = {"apiVersion": "serving.knative.dev/v1", "kind": "Service"}
        return target_revision({**kind, "spec": {"template": {}}, "status": status}, {})

    first = knative({"latestCreatedRevisionName": "a-00001"})
    assert first != knative({"latestCreatedRevisionName": "a-00002"})
    assert knative({}) == ""


OWNED: JsonValue = {
    "f:spec": {
        "f:template": {
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"podinfo"}': {
                        ".": {},
                        "f:name": {},
                        "f:image": {},
                        "f:ports": {'k:{"containerPort":9898,"protocol":"TCP"}':
                                    {".": {}, "f:containerPort": {}}},
                    }
                }
            },
        }
    }
}  # fmt: skip


def applied(container: dict[str, JsonValue], **spec: JsonValue) -> dict[str, JsonValue]:
    """A Deployment that was server-side applied: ownership says what the user wrote."""
    target = deployment(
        {
            "metadata": {"labels": {"app": "podinfo"}},
            "spec": {"containers": [{"name": "podinfo", "image": "a:1", **container}], **spec},
        }
    )
    entries: JsonValue = [{"manager": "flux", "operation": "Apply", "fieldsV1": OWNED},
                          {"manager": "kcm", "fieldsV1": {"f:status": {}}}]  # fmt: skip
    return {**target, "metadata": {"name": "podinfo", "managedFields": entries}}


PORTS: JsonValue = [{"containerPort": 9898, "protocol": "TCP"}]


def test_a_default_that_only_a_newer_api_knows_is_no_new_revision() -> None:
    before = applied({"ports": PORTS})
    after = applied({"ports": PORTS, "newInContainer": "On"}, newInPod={"mode": "Auto"})
    assert target_revision(after, {}) == target_revision(before, {})


def test_without_ownership_the_unknown_field_is_the_users() -> None:
    before, after = applied({}), applied({}, newInPod={"mode": "Auto"})
    before["metadata"], after["metadata"] = {}, {}
    assert target_revision(after, {}) != target_revision(before, {})


def test_what_somebody_owns_is_a_new_revision() -> None:
    before = applied({"ports": PORTS})
    after = applied({"ports": PORTS, "image": "a:2"})
    assert target_revision(after, {}) != target_revision(before, {})


def test_a_restart_by_another_owner_is_a_new_revision() -> None:
    before, after = applied({}), applied({})
    restarted: JsonValue = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    put(after, ("spec", "template", "metadata", "annotations"), restarted)
    entries = after["metadata"]
    assert isinstance(entries, dict)
    managed = entries["managedFields"]
    assert isinstance(managed, list)
    name = "f:kubectl.kubernetes.io/restartedAt"
    fields: JsonValue = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {name: {}}}}}}
    entries["managedFields"] = [*managed, {"manager": "kubectl-rollout", "fieldsV1": fields}]
    assert target_revision(after, {}) != target_revision(before, {})


json_values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["spec", "name", "labels", "ports", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(template=st.dictionaries(st.sampled_from("abc"), json_values), seed=st.randoms())
def test_the_order_of_keys_and_nulls_never_matter(
    template: dict[str, JsonValue], seed: random.Random
) -> None:
    other = shuffled(template, seed)
    assert isinstance(other, dict)
    assert target_revision(deployment(other), {}) == target_revision(deployment(template), {})


def shuffled(value: JsonValue, seed: random.Random) -> JsonValue:
    """The same in another order, with fields that say nothing added."""
    if isinstance(value, list):
        return [shuffled(item, seed) for item in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    seed.shuffle(names)
    mixed = {name: shuffled(value[name], seed) for name in names}
    return {"nothing": None, **mixed}


def put(obj: dict[str, JsonValue], path: tuple[str | int, ...], value: JsonValue) -> None:
    place: JsonValue = obj
    for name in path[:-1]:
        if isinstance(place, dict):
            place = place.setdefault(str(name), {})
        elif isinstance(place, list):
            place = place[int(name)]
    assert isinstance(place, dict)
    assert isinstance(path[-1], str)
    place[path[-1]] = value
