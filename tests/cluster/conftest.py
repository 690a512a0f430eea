"""One real cluster for the session; tests take namespaces of their own in it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from starlette.config import Config

from tests.cluster.facts import read
from tests.cluster.session import Cluster, attached, cluster

SHARED = "SERINUS_TEST_CLUSTER"
"""The facts.json of a cluster that stays between sessions: `python -m tests.cluster up --keep`."""


@pytest.fixture(scope="session", name="cluster")
async def one_cluster() -> AsyncGenerator[Cluster]:
    shared = Config()(SHARED, default="")
    if shared:
        async with attached(read(Path(shared))) as running:
            yield running
    else:
        async with cluster() as running:
            yield running
