"""`python -m worker.crds [folder]`: write the custom resources, into `deploy/crds` by default."""

import sys
from pathlib import Path

from worker.crds.kinds import files


def main(folder: Path) -> None:
    """Write every file anew."""
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(*sys.argv[1:] or ["deploy/crds"]))
