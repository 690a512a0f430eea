"""Which command an image name stands for; there is no container engine here.

Filled by `tests.cluster.session` and its users, read by `tests.cluster.node.containers`.
"""

import os
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Image(BaseModel):
    """What runs; `{tag}` in a text stands for the tag of the name that the pod gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = {}


class Images(BaseModel):
    """Images by name, with the tag or for all tags."""

    known: dict[str, Image] = {}

    def find(self, name: str) -> Image | None:
        found = self.known.get(name)
        if found is None:
            repository, _, tag = name.rpartition(":")
            if "/" in tag or not repository:
                repository, tag = name, "latest"
            found = self.known.get(repository)
            if found is not None:
                return _tagged(found, tag)
        return found


def _tagged(image: Image, tag: str) -> Image:
    texts = {name: text.replace("{tag}", tag) for name, text in image.environment.items()}
    return image.model_copy(update={"environment": texts})


def built_in() -> Images:
    """The demo shop, whose version is its tag, a shell, and Serinus's own commands."""
    python = sys.executable
    shop = Image(
        entrypoint=(python, "-m", "worker.stack.shop"),
        environment={"HOST": "0.0.0.0", "PORT": "8080", "VERSION": "{tag}"},
    )
    programs = Path(python).parent
    serinus = Image(
        entrypoint=(str(programs / "serinus"),),
        # As deploy/Dockerfile says: `temporal` is beside it.
        environment={"PATH": f"{programs}{os.pathsep}{os.defpath}"},
    )
    shell = Image(entrypoint=(), arguments=("/bin/sh",))
    return Images(known={"shop": shop, "serinus": serinus, "busybox": shell, "debian": shell})
