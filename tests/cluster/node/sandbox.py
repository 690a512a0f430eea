"""What surrounds the processes of one pod: its network, its resolv.conf and its volumes.

Made by `tests.cluster.node.pods`. Volumes are bound in a mount namespace of each container; a
folder that is not on the machine appears in an overlay that only the container sees.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from activities.kube.objects import KubeObject, at, maps_at, text_at
from tests.cluster.network import Network, drop_pod, inside, make_pod
from tests.cluster.node.environment import ConfigError, field_of
from tests.cluster.node.sources import Sources

ROOT = Path("/run/pods")
CHECKOUT = Path(__file__).parents[3]
"""Where the programs of images are; a volume over a folder above it must not hide them."""
PLACE = """set -e
covered=
under() {
  for each in $covered; do case "$1/" in "$each"/*) return 0;; esac; done
  return 1
}
place() {
  if [ ! -e "$2" ]; then
    top=$(dirname "$2")
    while [ ! -d "$top" ]; do top=$(dirname "$top"); done
    if [ "$top" = / ]; then echo "cannot mount at $2: / has no such folder" >&2; exit 128; fi
    if ! under "$top"; then
      over=$(mktemp -d /run/overlay.XXXXXX)
      mount -t tmpfs none "$over" && mkdir "$over/up" "$over/work"
      mount -t overlay none -o "lowerdir=$top,upperdir=$over/up,workdir=$over/work" "$top"
      covered="$covered $top"
    fi
    if [ -d "$1" ]; then mkdir -p "$2"; else mkdir -p "$(dirname "$2")"; : > "$2"; fi
  fi
  mount --bind "$1" "$2"
}
while [ "$1" != -- ]; do place "$1" "$2"; shift 2; done
shift
exec "$@"
"""


@dataclass
class Sandbox:
    """The surroundings of one pod."""

    uid: str
    namespace: str
    address: str
    network: Network

    @property
    def device(self) -> str:
        """The name of its network namespace."""
        return f"pod-{self.uid[:8]}"

    @property
    def folder(self) -> Path:
        return ROOT / self.uid

    async def make(self) -> None:
        self.folder.mkdir(parents=True)
        search = f"{self.namespace}.svc.cluster.local svc.cluster.local cluster.local"
        (self.folder / "resolv.conf").write_text(
            f"nameserver {self.network.node}\nsearch {search}\noptions ndots:5\n"
        )
        await make_pod(self.device, self.address)

    async def drop(self) -> None:
        await drop_pod(self.device)
        shutil.rmtree(self.folder)

    def command(self, mounts: list[tuple[str, str]], argv: list[str]) -> list[str]:
        """The command, within the pod."""
        # Last: an overlay of /etc would hide it.
        places = [*self._seen(mounts), (str(self.folder / "resolv.conf"), "/etc/resolv.conf")]
        flat = [part for pair in places for part in pair]
        shell = ["unshare", "--mount", "--", "/bin/sh", "-c", PLACE, "sh"]
        return inside(self.device, *shell, *flat, "--", *argv)

    def _seen(self, mounts: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The mounts, with the programs put back if one would hide them."""
        if not any(CHECKOUT.is_relative_to(place) for _, place in mounts):
            return mounts
        kept = self.folder / "checkout"
        kept.mkdir(exist_ok=True)
        return [(str(CHECKOUT), str(kept)), *mounts, (str(kept), str(CHECKOUT))]

    async def mounts(
        self, pod: KubeObject, container: KubeObject, sources: Sources
    ) -> list[tuple[str, str]]:
        """What is bound where; ConfigMaps and Secrets are as they are now."""
        volumes = {text_at(each, "name"): each for each in maps_at(pod, "spec", "volumes")}
        found: list[tuple[str, str]] = []
        for mount in maps_at(container, "volumeMounts"):
            source = await self._volume(pod, volumes[text_at(mount, "name")], sources)
            found.append((str(source / text_at(mount, "subPath")), text_at(mount, "mountPath")))
        return found

    async def _volume(self, pod: KubeObject, volume: KubeObject, sources: Sources) -> Path:
        if "hostPath" in volume:
            return Path(text_at(volume, "hostPath", "path"))
        folder = self.folder / "volumes" / text_at(volume, "name")
        folder.mkdir(parents=True, exist_ok=True)
        parts: Sequence[KubeObject] = maps_at(volume, "projected", "sources")
        for part in parts or [volume]:
            for name, text in (await _files(pod, part, sources)).items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        return folder


async def _files(pod: KubeObject, part: KubeObject, sources: Sources) -> dict[str, str]:
    """The files that one source of a volume makes; an emptyDir makes none."""
    if "serviceAccountToken" in part:
        token = await sources.token(text_at(pod, "spec", "serviceAccountName") or "default")
        return {text_at(part, "serviceAccountToken", "path"): token}
    if "downwardAPI" in part:
        items = maps_at(part, "downwardAPI", "items")
        return {
            text_at(one, "path"): field_of(pod, text_at(one, "fieldRef", "fieldPath"))
            for one in items
        }
    for field, kind in (("configMap", "configmaps"), ("secret", "secrets")):
        if field in part:
            return await _data(part, field, kind, sources)
    return {}


async def _data(part: KubeObject, field: str, kind: str, sources: Sources) -> dict[str, str]:
    name = text_at(part, field, "name") or text_at(part, field, "secretName")
    values = await sources.data(kind, name)
    if values is None and at(part, field, "optional") is not True:
        raise ConfigError(f'{kind[:-1]} "{name}" not found')
    items = maps_at(part, field, "items")
    paths = {text_at(one, "key"): text_at(one, "path") for one in items}
    every = values or {}
    return {paths.get(key, key): every[key] for key in every if not paths or key in paths}
