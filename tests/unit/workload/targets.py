"""Targets as their users write them."""

from collections.abc import Mapping

from pydantic import JsonValue

from activities.workload.pods import Origin

Json = dict[str, JsonValue]


def a_target(kind: str = "Deployment", pod: Json | None = None, **spec: JsonValue) -> Json:
    template: Json = {
        "metadata": {"labels": {"app": "web", "team": "a"}, "annotations": {"note": "kept"}},
        "spec": pod or {"containers": [{"name": "web", "image": "web:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "labels": {"app": "web", "team": "a"},
            "annotations": {
                "owner": "a",
                "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
                "deployment.kubernetes.io/revision": "7",
            },
        },
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def an_origin(
    target: Json, copies: Mapping[str, str] | None = None, prefixes: tuple[str, ...] = ()
) -> Origin:
    return Origin(
        target=target,
        revision="s1-1",
        label=("app", "web"),
        mark="m",
        copies=copies or {},
        prefixes=prefixes,
    )
