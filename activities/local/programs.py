"""What supervisord is told, as the texts of its files; pure.

`activities.local.supervisor` writes them. A program is started by a small shell script, since
the configuration language of supervisord has no safe quoting (`%`, ` ;` and line ends mean more).
"""

import math
import shlex
from pathlib import Path

from workflows.model.value import Record

HEAD = "# Written by Serinus; changes are lost.\n"
MARK = "SERINUS_SUPERVISOR"
"""In the environment of every program: how one is known whose supervisor was killed."""
NEVER_GIVE_UP = 1_000_000


class Program(Record):
    """One process to be kept running."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str] = {}
    directory: str | None = None
    log: str
    append_to: str | None = None
    """A file of the user's that gets the output instead; it may be shared and is not rotated."""
    stop_grace: float = 10.0


def main_file(*, socket: Path, folder: Path, logs: Path) -> str:
    return HEAD + (
        "[supervisord]\n"
        f"directory={_plain(folder)}\n"
        f"logfile={_plain(logs / 'supervisord.log')}\n"
        f"childlogdir={_plain(logs)}\n"
        f"pidfile={_plain(folder / 'supervisord.pid')}\n"
        "identifier=serinus\n"
        "loglevel=info\n"
        "[unix_http_server]\n"
        f"file={_plain(socket)}\n"
        "chmod=0700\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        "[include]\n"
        f"files={_plain(folder / 'conf.d')}/*.ini\n"
    )


def program_file(program: Program, script: Path) -> str:
    """A crash within `startsecs` is answered with a pause that grows; a later one at once."""
    return HEAD + (
        f"[program:{program.name}]\n"
        f"command=/bin/sh {_plain(Path(shlex.quote(str(script))))}\n"
        "autostart=true\n"
        "autorestart=true\n"
        "startsecs=1\n"
        f"startretries={NEVER_GIVE_UP}\n"
        "stopsignal=TERM\n"
        f"stopwaitsecs={max(1, math.ceil(program.stop_grace))}\n"
        "stopasgroup=true\n"
        "killasgroup=true\n"
        "redirect_stderr=true\n"
        f"stdout_logfile={_plain(Path(program.log))}\n"
        "stdout_logfile_maxbytes=10MB\n"
        "stdout_logfile_backups=1\n"
    )


def script(program: Program, socket: Path) -> str:
    env = {**program.env, MARK: str(socket)}
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())
    directory = f"cd {shlex.quote(program.directory)} || exit 127\n" if program.directory else ""
    # Here and not in the program's file: a folder that is missing there stops all of supervisord.
    output = f"exec >>{shlex.quote(program.append_to)} 2>&1\n" if program.append_to else ""
    command = f"exec {shlex.join(program.command)}\n"
    return f"#!/bin/sh\n{HEAD}{exports}{directory}{output}{command}"


def _plain(path: Path) -> str:
    return str(path).replace("%", "%%")
