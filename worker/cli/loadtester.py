"""`serinus loadtester`: the helper that hooks call to make load and to ask gates.

Registered by `worker.cli`. Runs until SIGTERM or SIGINT (130); 1 when it cannot start.
"""

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from pydantic import ValidationError
from rich.console import Console

from activities.load.options import parse_duration
from worker.loadtester.disk import StateError
from worker.loadtester.server import LoadTesterOptions, build, listen

INTERRUPTED = 130


def loadtester(
    *,
    state: Annotated[Path, Parameter(help="Folder for gates and answers.")] = Path("loadtester"),
    port: Annotated[int, Parameter(help="Port to serve on; 0 takes a free one.")] = 9090,
    host: Annotated[str, Parameter(help="Address to serve on; 0.0.0.0 is all.")] = "127.0.0.1",
    timeout: Annotated[str, Parameter(help="Longest run of a task, as 1h.")] = "1h",
    namespace_regexp: Annotated[
        str | None, Parameter(help="Serve only canaries of namespaces that match.")
    ] = None,
) -> int:
    """Serve the HTTP API of Flagger's load tester.

    Whoever reaches the port can run commands: serve on other addresses only where all are trusted.
    """
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        options = LoadTesterOptions(
            host=host,
            port=port,
            state=state,
            timeout=parse_duration(timeout),
            namespace_regexp=None if namespace_regexp is None else re.compile(namespace_regexp),
        )
        server, listening = build(options), listen(options)
    except (ValidationError, ValueError, re.error, StateError, OSError) as error:
        errors.print(f"serinus loadtester: {error}")
        return 1
    with listening:
        address, bound = listening.getsockname()[:2]
        errors.print(f"load tester on http://{address}:{bound}")
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            # uvicorn has shut down in order and hands the signal on.
            return INTERRUPTED
    return 0
