"""Flagger's AlertProvider: a chat that is told about rollouts."""

from enum import StrEnum
from typing import Literal

from pydantic import model_validator

from workflows.model.metric_template import SecretName
from workflows.model.problem import Problem, refuse
from workflows.model.quantity import Url
from workflows.model.resource import Part, Resource


class Chat(StrEnum):
    """The chats that Flagger writes to."""

    SLACK = "slack"
    MSTEAMS = "msteams"
    DISCORD = "discord"
    ROCKET = "rocket"
    GCHAT = "gchat"


class AlertProviderSpec(Part):
    """Where to post. The address of the secret wins over `address`."""

    type: Chat
    address: Url | None = None
    secret_ref: SecretName | None = None
    channel: str = "general"
    username: str = "flagger"
    proxy: Url | None = None

    @model_validator(mode="after")
    def _reachable(self) -> "AlertProviderSpec":
        if not (self.address or self.secret_ref):
            message = "has neither address nor secretRef: nobody could be told"
            refuse([Problem(path="", message=message, allowed="address, secretRef or both")])
        return self


class AlertProvider(Resource):
    """A chat that Canaries refer to by name."""

    api_version: Literal["flagger.app/v1beta1"] = "flagger.app/v1beta1"
    kind: Literal["AlertProvider"] = "AlertProvider"
    spec: AlertProviderSpec
