"""`serinus doctor`: what is missing, and how to get it."""

from worker import settings
from worker.cli.options import Format, Output
from worker.cli.output import emit, show, table
from worker.stack.doctor import Finding, Health, examine

MARKS = {Health.GOOD: "[green]✓[/]", Health.ABSENT: "[dim]○[/]", Health.BAD: "[red]✗[/]"}


async def doctor(*, output: Output = Format.TABLE) -> int:
    """Look at programs, ports, Temporal, workers and proxy; 1 if something is missing."""
    found: list[Finding] = [finding async for finding in examine(settings.load())]
    if output is Format.TABLE:
        rows = (
            (MARKS[one.health], one.subject, one.found, f"→ {one.advice}" if one.advice else "")
            for one in found
        )
        show(table(("", "what", "found", "what to do"), rows))
    else:
        emit(found, output)
    return 1 if any(one.health is Health.BAD for one in found) else 0
