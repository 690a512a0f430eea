"""What is written is read back, as YAML, as JSON and as a payload."""

import json

from hypothesis import given
from hypothesis import strategies as st

from activities.manifests import Manifest, dump, load
from tests.unit.manifests.strategies import manifests
from workflows.model.manifest import parse


@given(manifests)
def test_dumped_manifest_loads_as_the_same(manifest: Manifest) -> None:
    assert load(dump(manifest)) == (manifest,)


@given(manifests)
def test_payload_validates_as_the_same(manifest: Manifest) -> None:
    kind = type(manifest)
    assert kind.model_validate_json(manifest.model_dump_json(by_alias=True)) == manifest
    assert kind.model_validate_json(manifest.model_dump_json(by_alias=False)) == manifest


@given(manifests)
def test_full_json_is_a_manifest_again(manifest: Manifest) -> None:
    text = manifest.model_dump_json(by_alias=True)
    assert load(text) == (manifest,)
    assert parse(json.loads(text)) == manifest


@given(st.lists(manifests, max_size=4))
def test_documents_of_one_text_keep_their_order(several: list[Manifest]) -> None:
    assert load("---\n".join(dump(manifest) for manifest in several)) == tuple(several)
