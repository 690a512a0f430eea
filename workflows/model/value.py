"""The two kinds of value that cross a border.

`Value` is what people and systems hand in: an unknown field is an error, never ignored.
`Record` is what Serinus hands to itself (results, heartbeats, carried state): workers of two
releases overlap during a deployment, so an unknown field is passed over.
"""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen input; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Record(BaseModel):
    """A frozen result or state; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
