"""The manifests people have applied, one readable file each.

`serinus apply`, `get` and `delete` write and list them; `activities.local.planning` reads them.
"""

from pathlib import Path
from typing import TypeVar

from activities.local.home import Home
from activities.manifests import dump, load
from workflows.errors import ManifestError
from workflows.model.manifest import KINDS, Manifest
from workflows.model.problem import Problem

M = TypeVar("M", bound=Manifest)


class ManifestFolder:
    """Blocking; call it from a thread where there is an event loop."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def apply(self, manifest: Manifest) -> bool:
        """Keep a manifest; says whether anything changed."""
        path = self._path(manifest.kind, manifest.metadata.namespace, manifest.metadata.name)
        return self._home.keep(path, dump(manifest))

    def get(self, kind: type[M], namespace: str, name: str) -> M | None:
        path = self._path(kind.__name__, namespace, name)
        return self._read(kind, path)

    def list(self, kind: type[M], namespace: str | None = None) -> tuple[M, ...]:
        """All of a kind, by namespace and name."""
        pattern = f"{namespace or '*'}/{kind.__name__}/*.yaml"
        read = (self._read(kind, path) for path in sorted(self._home.manifests.glob(pattern)))
        return tuple(each for each in read if each is not None)

    def delete(self, kind: type[Manifest], namespace: str, name: str) -> bool:
        """Forget a manifest; says whether there was one."""
        path = self._path(kind.__name__, namespace, name)
        found = path.exists()
        self._home.remove(path)
        return found

    def _path(self, kind: str, namespace: str, name: str) -> Path:
        if kind not in KINDS:
            raise ManifestError([Problem(path="kind", message="is not kept here", value=kind)])
        return self._home.manifest(kind, namespace, name)

    def _read(self, kind: type[M], path: Path) -> M | None:
        """None if it is not there, or is no more: others delete while one lists."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        found = load(text, source=str(path))
        if len(found) == 1 and isinstance(found[0], kind):
            return found[0]
        message = f"holds something else than one {kind.__name__}; apply it again"
        raise ManifestError([Problem(path="", message=message, where=str(path))])
