"""Manifests as text: YAML with any number of documents, or JSON, in; YAML out.

Called by the command line, the controller and the local platform. What a manifest may say is
decided in `workflows.model`; how its text is read, in `activities.documents`.
"""

import yaml

from activities.documents import Dumper, read
from workflows.errors import ManifestError
from workflows.model.manifest import Manifest, parse
from workflows.model.problem import Problem

__all__ = ["Manifest", "dump", "load"]


def load(text: str, source: str = "<input>") -> tuple[Manifest, ...]:
    """Read every manifest of a text, or raise the problems of all its documents at once."""
    problems: list[Problem] = []
    manifests: list[Manifest] = []
    for document in read(text, source):
        try:
            manifests.append(parse(document.data))
        except ManifestError as error:
            problems += [document.placed(problem) for problem in error.problems]
    if problems:
        raise ManifestError(problems)
    return tuple(manifests)


def dump(manifest: Manifest) -> str:
    """Write a manifest as YAML, without what is at its default; `load` reads the same back."""
    fields = manifest.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    head = {"apiVersion": manifest.api_version, "kind": manifest.kind}
    text: str = yaml.dump(
        {**head, **fields}, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100
    )
    return text
