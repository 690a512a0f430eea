"""Checksums of tracked configs: Flagger's where there is no binary data."""

from pydantic import JsonValue

from workflows.model.tracking import checksum

Obj = dict[str, JsonValue]


def config(**fields: JsonValue) -> Obj:
    return {"kind": "ConfigMap", "metadata": {"name": "settings"}, **fields}


def test_the_checksum_is_the_head_of_the_digest_of_gos_json() -> None:
    # printf '{"a":"\\u003c1\\u003e","b":"2"}' | sha256sum
    assert checksum(config(data={"b": "2", "a": "<1>"})) == "280988fe9e311a31"


def test_binary_data_counts() -> None:
    plain = config(data={"a": "1"})
    assert checksum({**plain, "binaryData": {"logo": "AAAA"}}) != checksum(plain)
    assert checksum({**plain, "binaryData": {"logo": "AAAA"}}) != checksum(
        {**plain, "binaryData": {"logo": "AAAB"}}
    )
    assert checksum({**plain, "binaryData": {}}) == checksum(plain)


def test_what_opted_out_has_none() -> None:
    metadata: Obj = {"annotations": {"flagger.app/config-tracking": "disabled"}}
    assert checksum(config(metadata=metadata, data={"a": "1"})) is None
