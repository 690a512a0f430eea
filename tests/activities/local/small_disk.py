"""Real file systems that are small enough to be filled; making one takes root."""

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from activities.local.home import Home


@contextmanager
def small_file_system(folder: Path, size: str) -> Generator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mount, umount = shutil.which("mount"), shutil.which("umount")
    assert mount is not None
    assert umount is not None
    small = folder / "small"
    small.mkdir()
    subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)], check=True)
    try:
        yield small
    finally:
        subprocess.run([umount, str(small)], check=True)


def fill(home: Home) -> Path:
    """Take all that is free."""
    filler = home.root / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler
