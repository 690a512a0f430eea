"""The corpus that a real API server is asked about holds good and bad documents of every kind."""

import pytest

from tests.unit.crds.corpus import documents
from tests.unit.manifests.documents import problems
from worker.crds.kinds import kinds


@pytest.mark.parametrize("kind", [kind.model.__name__ for kind in kinds()])
def test_corpus_has_good_and_bad(kind: str) -> None:
    judged = [bool(problems(each)) for each in documents() if each["kind"] == kind]
    assert judged.count(False) >= 2
    assert judged.count(True) >= 2
