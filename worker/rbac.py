"""The roles of `deploy/kustomize`, made from `activities.kube.permissions`.

`python -m worker.rbac` writes the file. One role a program; kinds with the same verbs share a rule.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml
from pydantic import JsonValue

from activities.kube.permissions import Permission, Program, permissions

FILE = "deploy/kustomize/base/rbac.yaml"
HEADER = "# Made from activities/kube/permissions.py by `python -m worker.rbac`; change that.\n"
_API = "rbac.authorization.k8s.io"
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")

Document = Mapping[str, JsonValue]


def text() -> str:
    """The whole file."""
    documents = [document for program in Program for document in _of(program)]
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
    name = f"serinus-{program}"
    rows = [row for row in permissions() if row.program is program]
    metadata: Document = {"name": name, "labels": {"app.kubernetes.io/name": "serinus"}}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": dict(metadata)},
        {"apiVersion": f"{_API}/v1", "kind": "ClusterRole", "metadata": dict(metadata),
         "rules": rules(rows)},
        {"apiVersion": f"{_API}/v1", "kind": "ClusterRoleBinding", "metadata": dict(metadata),
         "roleRef": {"apiGroup": _API, "kind": "ClusterRole", "name": name},
         "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "serinus"}]},
    ]  # fmt: skip


if __name__ == "__main__":
    Path(*sys.argv[1:] or [FILE]).write_text(text(), encoding="utf-8")
