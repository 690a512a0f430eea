"""Where a cluster is and who we are there: a kubeconfig file, or the pod's own service account.

`worker` opens one cluster for its life; everything else is given the `KubeClient`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config.kube_config import KubeConfigLoader

from activities.kube.client import KubeClient
from activities.kube.transport import Transport
from workflows.errors import Reason, failure

REFRESH_EVERY = 60.0
"""Seconds between looks at whether an exec plugin's token must be renewed."""

# The library says nothing of the parameters of these three.
_load: Callable[..., Awaitable[KubeConfigLoader]] = (  # pyright: ignore[reportUnknownVariableType]
    config.load_kube_config
)
_load_own: Callable[[Configuration], None] = (  # pyright: ignore[reportUnknownVariableType]
    config.load_incluster_config
)
_refreshed: Callable[..., Awaitable[None]] = (  # pyright: ignore[reportUnknownVariableType]
    config.refresh_token
)


@asynccontextmanager
async def open_cluster(
    kubeconfig: Path | None = None, context: str | None = None
) -> AsyncGenerator[KubeClient]:
    """Speak to one cluster; without a kubeconfig, to the one that this pod runs in."""
    configuration = Configuration()
    configuration.connection_pool_maxsize = 0  # each watch holds a connection
    loader = await _configured(configuration, kubeconfig, context)
    client = ApiClient(configuration)
    transport = Transport(client)
    refreshing = asyncio.create_task(_kept_fresh(loader, configuration))
    try:
        yield KubeClient(transport)
    finally:
        refreshing.cancel()
        await asyncio.gather(refreshing, return_exceptions=True)
        await transport.close()


async def _configured(
    configuration: Configuration, kubeconfig: Path | None, context: str | None
) -> KubeConfigLoader | None:
    try:
        if kubeconfig is None:
            _load_own(configuration)
            return None
        return await _load(
            config_file=str(kubeconfig), context=context, client_configuration=configuration,
            persist_config=False,
        )  # fmt: skip
    except (config.ConfigException, OSError) as error:
        source = kubeconfig or "the service account of this pod"
        message = f"cannot find a cluster by {source}: {error}; set a kubeconfig and a context"
        raise failure(Reason.CLUSTER_UNREACHABLE, message, retryable=False) from error


async def _kept_fresh(loader: KubeConfigLoader | None, configuration: Configuration) -> None:
    """Only an exec plugin's or a cloud's token runs out; the library knows which."""
    if loader is not None:
        await _refreshed(loader, client_configuration=configuration, interval=REFRESH_EVERY)
