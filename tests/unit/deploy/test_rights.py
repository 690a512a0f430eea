"""The roles in deploy/kustomize are those of the table, and the table is what the code asks for."""

import re
from pathlib import Path

import pytest
from pydantic import JsonValue

from activities.kube.permissions import Permission, Program, permissions
from activities.routing.registry import ROUTERS
from tests.unit.routing.scenes import a_rollout
from worker import rbac
from workflows.model.provider import GATEWAY_API, Provider

ROOT = Path(__file__).parents[3]
ASKING = ("activities/kube", "activities/routing", "activities/workload", "activities/metrics",
          "activities/reporting", "activities/alerts", "worker/controller",
          "worker/gateway")  # fmt: skip
TABLE = ROOT / "activities/kube/permissions.py"
API_VERSION = re.compile(r'"([a-z0-9.-]+)/v[0-9][a-z0-9]*"')
KNATIVE_SERVICE = ("serving.knative.dev", "Service")
MADE = {"create", "delete"}
NOBODYS = set[str]()
NO_OBJECTS = {"rbac.authorization.k8s.io"}


def code() -> str:
    """The text of everything that speaks to a cluster."""
    modules = [path for folder in ASKING for path in (ROOT / folder).rglob("*.py")]
    modules.append(ROOT / "workflows/model/target.py")
    return "\n".join(path.read_text(encoding="utf-8") for path in modules if path != TABLE)


def test_file_is_that_of_the_table() -> None:
    assert (ROOT / rbac.FILE).read_text(encoding="utf-8") == rbac.text(), (
        "run python -m worker.rbac"
    )


def test_every_group_the_code_names_has_a_row() -> None:
    named = set(API_VERSION.findall(code())) - NO_OBJECTS
    assert named > {"apps", "flagger.app"}
    assert named <= {row.group for row in permissions()}


@pytest.mark.parametrize(
    "row", list(permissions()), ids=lambda row: f"{row.program}-{row.resource}.{row.group}"
)
def test_no_row_without_code(row: Permission) -> None:
    text = code()
    assert row.group in text
    assert row.kind in text


@pytest.mark.parametrize("program", list(Program))
def test_nobody_may_do_everything(program: Program) -> None:
    for row in permissions():
        if row.program is program:
            assert "*" not in (row.group, row.kind, *row.verbs)
            assert row.kind not in {"ClusterRole", "Role", "ServiceAccount"}


def asked(provider: Provider) -> set[tuple[str, str]]:
    """What the router of a provider reads, and so what it may write or watch."""
    service: dict[str, JsonValue] = {"gatewayRefs": [{"name": "public"}]}
    rollout = a_rollout(provider, service=service if provider in GATEWAY_API else {})
    refs = ROUTERS[provider].reads(rollout)
    return {(ref.api_version.rpartition("/")[0], ref.kind) for ref in refs}


@pytest.mark.parametrize("provider", list(ROUTERS))
def test_worker_may_write_the_routes_of_every_router(provider: Provider) -> None:
    allowed = {
        (row.group, row.kind): set(row.verbs)
        for row in permissions()
        if row.program is Program.WORKER and not row.subresource
    }
    own = {KNATIVE_SERVICE} if provider is Provider.KNATIVE else set[tuple[str, str]]()
    for kind in asked(provider):
        needed = {"get", "list", "watch", "patch"} | (NOBODYS if kind in own else MADE)
        assert needed <= allowed.get(kind, set()), kind


def test_every_route_of_the_table_belongs_to_a_router() -> None:
    kinds = set[tuple[str, str]]().union(*map(asked, ROUTERS))
    routes = {(row.group, row.kind) for row in permissions() if row.why.startswith("provider")}
    assert routes <= kinds


def test_controller_writes_nothing_but_what_it_says_of_canaries() -> None:
    written = {
        row.resource
        for row in permissions()
        if row.program is Program.CONTROLLER and set(row.verbs) - {"get", "list", "watch"}
    }
    assert written == {"canaries", "canaries/status"}


def test_plurals_are_those_of_the_cluster() -> None:
    found = {row.kind: row.resource for row in permissions() if not row.subresource}
    assert found["Canary"] == "canaries"
    assert found["RolloutPolicy"] == "rolloutpolicies"
    assert found["Ingress"] == "ingresses"
    assert found["HTTPProxy"] == "httpproxies"
    assert found["EndpointSlice"] == "endpointslices"


def test_a_namespace_gets_the_rights_of_the_table_too() -> None:
    made = (ROOT / rbac.NAMESPACED_FILE).read_text(encoding="utf-8")
    assert made == rbac.namespaced_text(), "run python -m worker.rbac"
    assert "Cluster" not in made
