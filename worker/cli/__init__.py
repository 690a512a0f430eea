"""The `serinus` command: one table of commands, each imported when it is called.

Every command is a function of its module that returns an exit code (see `worker.cli.exits`) or
nothing. `--help` imports none of them.
"""

import difflib
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

__all__ = ["COMMANDS", "app", "main", "run"]

USAGE = 1
INTERRUPTED = 130

COMMANDS = {
    "Try": {
        "demo": ("worker.cli.demo:demo", "Show a good release promoted and a bad one taken back."),
        "up": ("worker.cli.stack:up", "Start the stack: Temporal, proxy, worker, page."),
        "down": ("worker.cli.stack:down", "Stop the stack; files stay."),
        "login": ("worker.cli.gateway:login", "Print a link that signs a browser in, once."),
        "doctor": ("worker.cli.doctor:doctor", "Say what is missing and how to get it."),
    },
    "Manifests": {
        "apply": ("worker.cli.manifests:apply", "Store manifests and roll out what changed."),
        "get": ("worker.cli.manifests:get", "Show what is applied."),
        "delete": ("worker.cli.manifests:delete", "Remove a manifest."),
        "plan": ("worker.cli.plan:plan", "Show the steps that a manifest makes."),
        "schema": ("worker.cli.schema:schema", "Print the JSON Schema of all kinds."),
    },
    "Rollouts": {
        "status": ("worker.cli.look:status", "Show a rollout, once or live."),
        "list": ("worker.cli.look:list_rollouts", "List rollouts."),
        "history": ("worker.cli.look:history", "Show how the rollouts of a target ended."),
        "approve": ("worker.cli.verbs:approve", "Open the gate that waits."),
        "reject": ("worker.cli.verbs:reject", "Refuse the gate that waits; roll back."),
        "pause": ("worker.cli.verbs:pause", "Stop advancing, keep watching."),
        "resume": ("worker.cli.verbs:resume", "Go on after a pause."),
        "promote": ("worker.cli.verbs:promote", "Skip remaining gates and analysis."),
        "abort": ("worker.cli.verbs:abort", "Take the rollout back now."),
        "skip": ("worker.cli.verbs:skip", "Give up an undo hook that will not succeed."),
        "record": ("worker.cli.record:record", "Show what a rollout decided, and why."),
        "replay": ("worker.cli.record:replay", "Decide again from a record; show what differs."),
        "audit": ("worker.cli.record:audit", "Verify the audit log."),
        "alerts": ("worker.cli.alerts:alerts", "Show what people were told, and what failed."),
        "undo": ("worker.cli.undo:undo", "Release the previously promoted revision again."),
        "reset": ("worker.cli.reset:reset", "All traffic to the primary, even without Temporal."),
    },
    "Load": {
        "load": ("worker.cli.load:load", "Send load to a URL, with hey's options."),
        "loadtester": ("worker.cli.loadtester:loadtester", "Serve the load tester's HTTP API."),
    },
    "Run": {
        "worker": ("worker.cli.worker:worker", "Run the worker until it is stopped."),
        "gateway": ("worker.cli.gateway:gateway", "Serve the page, the API and the receivers."),
        "token": ("worker.cli.gateway:token", "Add, list or revoke tokens of programs."),
        "controller": ("worker.cli.controller:controller", "Watch a cluster, start rollouts."),
        "takeover": ("worker.cli.takeover:takeover", "Take Canaries over from Flagger."),
        "handback": ("worker.cli.takeover:handback", "Give Canaries back to Flagger."),
    },
}


def version() -> str:
    """The installed version."""
    from importlib.metadata import version as installed  # noqa: PLC0415  rarely asked for

    return installed("serinus")


def usage_error(error: CycloptsError) -> str:
    """Format a wrong command line as one line."""
    return f"serinus: {' '.join(str(error).split())}"


app = App(
    name="serinus",
    help="Take a new version of a service to its users step by step, and back when it hurts.",
    version=version,
    # Markdown help would import a parser for it at every call.
    help_format="plaintext",
    error_formatter=usage_error,
)
for group, commands in COMMANDS.items():
    for name, (path, line) in commands.items():
        app.command(path, name=name, help=line, group=group)


def unknown(token: str) -> str | None:
    """Say what is wrong with a first word that is no command; cyclopts would import them all."""
    known = [name for commands in COMMANDS.values() for name in commands]
    if token.startswith("-") or token in known:
        return None
    close = difflib.get_close_matches(token, known, n=1)
    return f"no command {token!r}; " + (f"did you mean {close[0]}?" if close else "see --help")


def run(tokens: Sequence[str]) -> int:
    """Run one command line; returns its exit code."""
    if tokens and (problem := unknown(tokens[0])):
        sys.stderr.write(f"serinus: {problem}\n")
        return USAGE
    try:
        code = app(tokens, exit_on_error=False, result_action="return_value", print_error=True)
    except CycloptsError:
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return USAGE
    except Exception as error:
        return _failed(error)
    return int(code) if isinstance(code, int) else 0


def _failed(error: Exception) -> int:
    """One line for what Serinus raises on purpose; a bug keeps its traceback."""
    from temporalio.exceptions import ApplicationError  # noqa: PLC0415  what --help must not

    from worker.cli.output import complain  # noqa: PLC0415
    from workflows.errors import SerinusError  # noqa: PLC0415

    if not isinstance(error, (SerinusError, ApplicationError)):
        raise error
    complain(error.message if isinstance(error, ApplicationError) else str(error))
    return USAGE


def main() -> None:
    """Run the command line and leave at once.

    The SDK's Rust threads may crash an interpreter that is shutting down, so it does not.
    """
    code = USAGE
    try:
        code = run(sys.argv[1:])
    except SystemExit as leaving:
        # How rich takes the end of a pipe: `serinus list | head -1`.
        code = leaving.code if isinstance(leaving.code, int) else USAGE
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or USAGE
    os._exit(code)
