"""Ours: `Trigger`, which events of a receiver mean what for which targets.

Kept by `serinus apply` or on the cluster, read by `worker.gateway.receivers` at every delivery.
A trigger acts in its own namespace only, whatever the event says.
"""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workflows.model.metric_template import SecretName
from workflows.model.policy import LabelSelector
from workflows.model.problem import Problem, refuse
from workflows.model.quantity import Flag, PositiveDuration
from workflows.model.resource import DnsName, Labels, Part, Resource
from workflows.model.target import Name

TEN_MINUTES = timedelta(minutes=10)
MEMORY = timedelta(hours=12)
"""For so long a delivery is known again. Below the retention of any Temporal namespace."""
Globs = tuple[Name, ...]
"""Exact names, or patterns with `*`, `?` and `[…]`; any of them will do, and none means all."""


class Sender(StrEnum):
    """Who calls, and so how a delivery is written."""

    FLUX = "flux"
    CLOUD_EVENTS = "cloudevents"
    PLAIN = "plain"


class Proof(StrEnum):
    """How a sender shows that it knows the key."""

    HMAC = "hmac"
    BEARER = "bearer"


class Algorithm(StrEnum):
    """Hashes that an HMAC may be made with."""

    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class TriggerAction(StrEnum):
    """What an event means for a target."""

    SUBMIT = "submit"
    HOLD = "hold"
    RESUME = "resume"
    ABORT = "abort"


class FromObject(StrEnum):
    """Targets that follow from the object an event is about."""

    SAME = "same"
    OWNED = "owned"


class Receiver(Part):
    """Where deliveries come in: `/hooks/<type>/<name>`; the name is the trigger's own if unset.

    `keys` are entries of the Secret, several while a key is being rotated.
    """

    type: Sender
    name: DnsName | None = None
    proof: Proof = Proof.HMAC
    secret_ref: SecretName
    keys: Annotated[tuple[Name, ...], Field(min_length=1, max_length=10)] = ("token",)
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = (Algorithm.SHA256,)
    replay_window: PositiveDuration = TEN_MINUTES

    @model_validator(mode="after")
    def _remembered(self) -> "Receiver":
        if self.replay_window > MEMORY:
            refuse([Problem(path="replayWindow", message="is longer than deliveries are remembered",
                            allowed="at most 12h")])  # fmt: skip
        return self


class EventMatch(Part):
    """Events that have all of this; `metadata` maps a name to one pattern."""

    kind: Globs = ()
    namespace: Globs = ()
    name: Globs = ()
    severity: Globs = ()
    reason: Globs = ()
    cluster: Globs = ()
    metadata: Labels = {}


class TriggerTargets(Part):
    """Targets of the trigger's namespace: those that any of these names.

    `fromObject: same` is the target with namespace and name of the event's object; `owned` are
    those that the event's Kustomization or HelmRelease has applied, by Flux's labels.
    """

    names: tuple[DnsName, ...] = ()
    selector: LabelSelector | None = None
    from_object: FromObject | None = None

    @model_validator(mode="after")
    def _somebody(self) -> "TriggerTargets":
        if not (self.names or self.selector or self.from_object):
            refuse([Problem(path="", message="names no target",
                            allowed="names, selector or fromObject")])  # fmt: skip
        return self


class TriggerSpec(Part):
    """Without `match`, every event of the receiver counts."""

    receiver: Receiver
    match: tuple[EventMatch, ...] = ()
    action: TriggerAction
    targets: TriggerTargets
    suspend: Flag = False

    @model_validator(mode="after")
    def _owned_by_flux(self) -> "TriggerSpec":
        refuse(self._problems())
        return self

    def _problems(self) -> Iterator[Problem]:
        owned = self.targets.from_object is FromObject.OWNED
        if owned and self.receiver.type is not Sender.FLUX:
            yield Problem(path="targets.fromObject", value=FromObject.OWNED,
                          message="needs the events of Flux", allowed="same",
                          did_you_mean=FromObject.SAME)  # fmt: skip


class Trigger(Resource):
    """Events of a sender, turned into orders to rollouts."""

    api_version: Literal["serinus.dev/v1alpha1"] = "serinus.dev/v1alpha1"
    kind: Literal["Trigger"] = "Trigger"
    spec: TriggerSpec

    @property
    def receiver(self) -> str:
        """The last part of the path that its deliveries come to."""
        return self.spec.receiver.name or self.metadata.name

    @property
    def by(self) -> str:
        """Who an order is from, in the record of a rollout."""
        return f"trigger {self.key}"
