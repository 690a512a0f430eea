"""A scripted API server and a client that speaks to it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import yaml

from activities.kube.client import KubeClient
from activities.kube.connect import open_cluster
from tests.activities.kube.server import Wire, serving


def kubeconfig(folder: Path, port: int) -> Path:
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
                "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "users": [{"name": "me", "user": {"token": "secret"}}],
            }
        )
    )
    return path


@pytest.fixture
async def wire() -> AsyncGenerator[Wire]:
    async with serving(Wire()) as wire:
        yield wire


@pytest.fixture
async def client(wire: Wire, tmp_path: Path) -> AsyncGenerator[KubeClient]:
    async with open_cluster(kubeconfig(tmp_path, wire.port)) as client:
        yield client
