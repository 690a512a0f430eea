"""Serves the load tester until it is told to stop; called by `serinus loadtester`."""

import re
import socket
from pathlib import Path

import uvicorn
from pydantic import Field

from worker.loadtester.app import LoadTester
from workflows.model.value import Value

# Callers still waiting at shutdown are let go after this, and their commands killed.
SHUTDOWN_GRACE = 2


class LoadTesterOptions(Value):
    """How the load tester is run; `timeout` is seconds for each task."""

    host: str = "127.0.0.1"
    port: int = Field(default=9090, ge=0, le=65_535)
    state: Path
    timeout: float = Field(default=3600.0, gt=0)
    namespace_regexp: re.Pattern[str] | None = None


def build(options: LoadTesterOptions) -> uvicorn.Server:
    """A server for `run(sockets=[listen(options)])` or `await serve(...)`."""
    tester = LoadTester(options.state, options.timeout, options.namespace_regexp)
    return uvicorn.Server(
        uvicorn.Config(
            tester.app(),
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_GRACE,
        )
    )


def listen(options: LoadTesterOptions) -> socket.socket:
    """The listening socket, so that a taken port is known before anything starts."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    return socket.create_server((options.host, options.port), family=family)
