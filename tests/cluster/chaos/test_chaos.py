"""A handful of the chaos run: `python -m tests.cluster.chaos` plays 100 with every fault."""

from pathlib import Path

from tests.cluster.chaos.play import play
from tests.cluster.chaos.script import script

RELEASES = 6
SEED = 38
"""Each of Serinus's own processes, the API server and the data plane are killed once."""


def test_a_seed_says_all_that_happens() -> None:
    assert script(100, 7, 3) == script(100, 7, 3)
    assert script(100, 7, 3) != script(100, 8, 3)
    played = [release for each in script(100, 7, 3) for release in each]
    assert sum(release.good for release in played) == len(played) / 2


async def test_good_ones_are_promoted_and_bad_ones_restored_whatever_breaks(
    tmp_path: Path,
) -> None:
    report = await play(RELEASES, SEED, tmp_path, lambda _: None)
    assert report.wrong == [], "\n".join(report.lines())
    assert len(report.played) == RELEASES
    assert report.versions > RELEASES
    assert report.hooks > RELEASES
