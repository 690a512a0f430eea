"""The data converter of every client, worker and replayer.

The stock pydantic converter lets a bad input retry its workflow task for ever; this one fails the
start, update or signal at once, with pydantic's list of what was wrong.
"""

from typing import Any

import pydantic
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    create_payload_validation_error,
)
from temporalio.exceptions import ApplicationError

from workflows.errors import bounded

NAMED = 5


class StrictJson(PydanticJSONPlainPayloadConverter):
    """JSON by pydantic; what does not validate is a failure of the caller's."""

    # `Any` is the signature of the class that this overrides.
    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Decode, or fail for good with one entry for each bad field."""
        try:
            return super().from_payload(payload, type_hint)
        except pydantic.ValidationError as error:
            # Without its cause: that would be printed after it, in many lines saying the same.
            raise _refusal(error) from None


def _refusal(error: pydantic.ValidationError) -> ApplicationError:
    """The SDK's own refusal, with the first problems in its one line of text."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    plain = create_payload_validation_error(problems)
    lines = [f"{'.'.join(str(part) for part in p['loc'])}: {p['msg']}" for p in problems[:NAMED]]
    words = "; ".join(line.removeprefix(": ") for line in lines)
    return ApplicationError(
        bounded(f"{plain.message}: {words}"),
        *plain.details,
        type=plain.type,
        non_retryable=True,
    )


# Shared: the SDK makes a converter for every workflow task, and each would learn all types anew.
_ENCODINGS = tuple(
    StrictJson() if isinstance(converter, JSONPlainPayloadConverter) else converter
    for converter in DefaultPayloadConverter.default_encoding_payload_converters
)


class StrictPayloadConverter(CompositePayloadConverter):
    """The default encodings, with strict JSON."""

    def __init__(self) -> None:
        super().__init__(*_ENCODINGS)


DATA_CONVERTER = DataConverter(payload_converter_class=StrictPayloadConverter)
