"""Install the Debian packages that the cluster needs: `python -m tests.cluster.install`.

Run by `make test` and `make cluster`; says nothing and does nothing when all are there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cluster.binaries import say

PACKAGES = tuple((Path(__file__).parent / "debian.txt").read_text().split())
PROGRAM = {"dnsmasq-base": "dnsmasq", "iproute2": "ip"}


def missing() -> list[str]:
    """The packages of `debian.txt` whose program is nowhere."""
    path = f"{os.defpath}:/usr/sbin:/sbin:/usr/local/sbin"
    return [name for name in PACKAGES if shutil.which(PROGRAM.get(name, name), path=path) is None]


def main() -> int:
    """Install what is missing; only root can."""
    names = missing()
    if not names:
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say(f"needs these Debian packages: {' '.join(names)}; as root: apt-get install them")
        return 1
    say(f"installing {' '.join(names)}")
    options = ["-y", "-q", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"]
    subprocess.run(["apt-get", "update", "-q"], check=False, stdout=subprocess.DEVNULL)
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *options, *names]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
