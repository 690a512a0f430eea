"""What the API answers with: a model, written as JSON with its instants as texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, JsonValue
from starlette.responses import JSONResponse, Response

from worker.gateway.api.instants import dated
from worker.gateway.api.step_tokens import step_token
from workflows.model.status import RolloutStatus


@dataclass(frozen=True)
class Answer:
    """Content and headers; the status is the operation's, if it says none of its own."""

    content: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    status: int | None = None

    def response(self, status: int) -> Response:
        """As it is sent."""
        headers = {"cache-control": "no-store", **self.headers}
        status = self.status or status
        if self.content is None:
            return Response(status_code=status, headers=headers)
        return JSONResponse(content_of(self.content), status, headers)


def content_of(model: BaseModel) -> JsonValue:
    """A model as JSON data."""
    return dated(model.model_dump(mode="json", by_alias=True))


def of_status(status: RolloutStatus, headers: Mapping[str, str] | None = None) -> Answer:
    """A rollout, with its step token."""
    return Answer(status, {**(headers or {}), "etag": step_token(status)})
