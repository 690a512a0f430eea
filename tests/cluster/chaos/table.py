"""What came out of a chaos run: a row a release, a table a fault, and whatever was not right."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.cluster.chaos.audited import Audited
from tests.cluster.chaos.script import Fault, Release

HEADINGS = (
    "fault",
    "releases",
    "outcomes",
    "longest until a bad one was off",
    "longest release",
    "requests lost",
)


@dataclass(frozen=True, slots=True)
class Played:
    """How one release ended."""

    release: Release
    outcome: str
    took: float
    exposed: float
    """Seconds during which users met its canary."""
    sent: int
    lost: int
    """Requests without an answer of a shop; answers that a bad version spoilt are not lost."""
    why: str = ""

    def __str__(self) -> str:
        one = self.release
        kind = "good" if one.good else "bad"
        said = f": {self.why}" if self.why else ""
        return (
            f"{one.shop} {one.version} {kind}, {one.fault} at {one.at:.1f} s: {self.outcome} after "
            f"{self.took:.1f} s, {self.lost} of {self.sent} requests lost{said}"
        )


@dataclass
class Report:
    """The whole run."""

    played: list[Played] = field(default_factory=list[Played])
    wrong: list[str] = field(default_factory=list[str])
    """What must never be; empty after a good run."""
    cost: Counter[Fault] = field(default_factory=Counter[Fault])
    """Requests of all shops that were lost while a fault lasted."""
    sent: int = 0
    lost: int = 0
    versions: int = 0
    """Of the shops' routes that were looked at."""
    hooks: int = 0
    repeated: int = 0
    audited: Audited = field(default_factory=Audited)

    def lines(self) -> Iterable[str]:
        yield _row(HEADINGS)
        yield _row(["---"] * len(HEADINGS))
        for fault in Fault:
            rows = [each for each in self.played if each.release.fault is fault]
            if rows:
                yield _row(_of(fault, rows, self.cost[fault]))
        yield ""
        yield (
            f"{len(self.played)} releases, {len(self.wrong)} things wrong; {self.lost} of "
            f"{self.sent} requests lost, {self.lost - self.cost.total()} of them at no fault; "
            f"{self.versions} versions of routes seen; {self.hooks} calls of hooks, "
            f"{self.repeated} of them of a tick in flight again"
        )
        yield str(self.audited)
        yield from (f"WRONG: {each}" for each in self.wrong)


def _of(fault: Fault, rows: Sequence[Played], cost: int) -> Sequence[str]:
    outcomes = Counter(f"{'good' if each.release.good else 'bad'} {each.outcome}" for each in rows)
    bad = [each.exposed for each in rows if not each.release.good]
    return (
        str(fault),
        str(len(rows)),
        ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())),
        f"{max(bad):.1f} s" if bad else "-",
        f"{max(each.took for each in rows):.1f} s",
        str(cost),
    )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
