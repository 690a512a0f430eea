"""`python -m worker`: the `serinus` command without its script; the stack starts itself so."""

from worker.cli import main

main()
