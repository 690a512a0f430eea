"""The CRDs of the providers, from the Go modules of their projects, kept in the user's cache.

Called by `tests.cluster.keeper` for those whose data plane runs, by tests for others.
"""

import fnmatch
from dataclasses import dataclass

import yaml
from pydantic import JsonValue

from activities.kube.objects import KubeObject, text_at
from tests.cluster.binaries import CONTOUR, CONTOUR_MODULE, cache, locked, module


@dataclass(frozen=True)
class Source:
    """YAML files of a Go module."""

    module: str
    version: str
    files: tuple[str, ...]

    @property
    def cached(self) -> str:
        return f"{self.module.replace('/', '_')}-{self.version}.yaml"


SOURCES = {
    "gateway": Source("sigs.k8s.io/gateway-api", "1.6.3", ("config/crd/standard/*.yaml",)),
    "traefik": Source(
        "github.com/traefik/traefik/v3", "3.7.13", ("integration/fixtures/k8s/01-traefik-crd.yml",)
    ),
    "istio": Source("istio.io/api", "1.31.4", ("kubernetes/customresourcedefinitions.gen.yaml",)),
    "contour": Source(CONTOUR_MODULE, CONTOUR, ("examples/contour/01-crds.yaml",)),
    "keda": Source("github.com/kedacore/keda/v2", "2.21.0", ("config/crd/bases/*.yaml",)),
    "knative": Source(
        "github.com/traefik/traefik/v3", "3.7.13", ("integration/fixtures/knative/*.yaml",)
    ),
}


def crds(name: str) -> list[KubeObject]:
    """The CustomResourceDefinitions of a provider."""
    source = SOURCES[name]
    kept = cache() / "crds" / f"{name}-{source.cached}"
    if not kept.exists():
        with locked(cache() / "crds" / "fetch.lock"):
            unfinished = kept.with_suffix(".new")
            unfinished.write_text(_fetched(source))
            unfinished.rename(kept)
    return _definitions(kept.read_text())


def _fetched(source: Source) -> str:
    folder = module(source.module, source.version)
    names = [str(path.relative_to(folder)) for path in folder.rglob("*.y*ml")]
    wanted = sorted(
        name for name in names if any(fnmatch.fnmatch(name, each) for each in source.files)
    )
    text = "\n---\n".join((folder / name).read_text() for name in wanted)
    if not _definitions(text):
        raise LookupError(f"{source.module} {source.version} has no CRD in {source.files}")
    return text


def _definitions(text: str) -> list[KubeObject]:
    found: list[KubeObject] = []
    for each in yaml.load_all(text, yaml.CSafeLoader):
        obj: JsonValue = each
        if isinstance(obj, dict) and text_at(obj, "kind") == "CustomResourceDefinition":
            found.append(obj)
    return found
