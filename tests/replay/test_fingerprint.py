"""The commands of each workflow against a committed baseline.

An edit that re-orders commands breaks the replay of running rollouts even where no recorded
history covers it; such a change alters `fingerprint.txt` in the same commit, and says why.
"""

from tests.replay.fingerprint import BASELINE, fingerprint


def test_no_command_of_a_workflow_moved_unnoticed() -> None:
    assert fingerprint() == BASELINE.read_text().splitlines()
