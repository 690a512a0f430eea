"""Modules that are imported anew for every run cost a megabyte each; nobody notices by eye."""

import subprocess
import sys

from worker.plugin import PASSED_THROUGH

DEFINING = {"workflows", "workflows.rollout", "workflows.janitor"}
ROOMS = {"workflows.approvals", "workflows.records", "workflows.telling"}
"""Empty packages; the announcer, which defines a workflow, is in one of them."""
LISTING = "import sys, workflows.rollout, workflows.janitor; print(*sys.modules)"


def test_every_module_but_the_defining_ones_is_passed_through() -> None:
    listed = subprocess.run(
        [sys.executable, "-c", LISTING], capture_output=True, text=True, check=True
    )
    ours = {name for name in listed.stdout.split() if name.split(".")[0] == "workflows"}
    covered = {name for name in ours if any(f"{name}.".startswith(f"{p}.") for p in PASSED_THROUGH)}
    assert ours - covered == DEFINING | ROOMS
