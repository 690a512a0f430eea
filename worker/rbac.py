"""The roles of `deploy/kustomize`, made from `activities.kube.permissions`.

`python -m worker.rbac` writes both files. One role a program; kinds with the same verbs share a
rule. Where Serinus serves only some namespaces, each has the same roles for itself.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml
from pydantic import JsonValue

from activities.kube.permissions import Permission, Program, permissions

FILE = "deploy/kustomize/base/rbac.yaml"
NAMESPACED_FILE = "deploy/kustomize/namespaced/rights/roles.yaml"
HEADER = "# Made from activities/kube/permissions.py by `python -m worker.rbac`; change that.\n"
_API = "rbac.authorization.k8s.io"
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")

Document = Mapping[str, JsonValue]


def text() -> str:
    """The service accounts, and their rights in all namespaces."""
    return _dumped(document for program in Program for document in _of(program))


def namespaced_text() -> str:
    """The same rights in the one namespace that these are applied to."""
    return _dumped(document for program in Program for document in _rights(program, "Role"))


def _dumped(documents: Iterable[Document]) -> str:
    return HEADER + yaml.safe_dump_all(documents, sort_keys=False, width=100)


def rules(rows: Iterable[Permission]) -> list[JsonValue]:
    """What a role allows; each kind once, with every verb that any row names."""
    verbs: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        verbs[row.group, row.resource] |= set(row.verbs)
    alike: defaultdict[tuple[str, tuple[str, ...]], list[JsonValue]] = defaultdict(list)
    for (group, resource), allowed in verbs.items():
        alike[group, tuple(verb for verb in _VERBS if verb in allowed)].append(resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(allowed)}
        for (group, allowed), resources in alike.items()
    ]


def _of(program: Program) -> list[Document]:
    account: Document = {
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(program)
    }  # fmt: skip
    return [account, *_rights(program, "ClusterRole")]


def _rights(program: Program, kind: str) -> list[Document]:
    """A role and its binding; `kind` is Role or ClusterRole."""
    rows = [row for row in permissions() if row.program is program]
    metadata = _metadata(program)
    name = metadata["name"]
    return [
        {"apiVersion": f"{_API}/v1", "kind": kind, "metadata": metadata, "rules": rules(rows)},
        {"apiVersion": f"{_API}/v1", "kind": f"{kind}Binding", "metadata": dict(metadata),
         "roleRef": {"apiGroup": _API, "kind": kind, "name": name},
         "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "serinus"}]},
    ]  # fmt: skip


def _metadata(program: Program) -> dict[str, JsonValue]:
    return {"name": f"serinus-{program}", "labels": {"app.kubernetes.io/name": "serinus"}}


if __name__ == "__main__":
    root = Path(*sys.argv[1:])
    (root / FILE).write_text(text(), encoding="utf-8")
    (root / NAMESPACED_FILE).write_text(namespaced_text(), encoding="utf-8")
