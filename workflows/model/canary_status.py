"""The status of a Canary on a cluster: Flagger's fields, and what Flagger lacks.

`worker.crds` makes the schema of the status subresource from it; whoever reports a rollout to a
cluster writes this shape. With Flagger's own definition installed, the fields that are ours
(`observedGeneration`, `workflowId`, `reason`) are dropped by the API server and nothing else is.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from workflows.model.value import Record

FlaggerPhase = Literal[
    "",
    "Initializing",
    "Initialized",
    "Waiting",
    "Progressing",
    "WaitingPromotion",
    "Promoting",
    "Finalising",
    "Succeeded",
    "Failed",
    "Terminating",
    "Terminated",
]
"""What scripts compare with; ours has one more (`RollingBack`), which stays Progressing here."""

Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Reported(Record):
    """A record with the names that manifests use."""

    model_config = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)


class StatusCondition(Reported):
    """One condition: `Promoted` as in Flagger; `Ready`, `Reconciling`, `Stalled` as kstatus."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str | None = None
    last_update_time: Instant | None = None
    last_transition_time: Instant | None = None
    observed_generation: int | None = None


class CanaryStatus(Reported):
    """How the release of this target stands."""

    phase: Annotated[FlaggerPhase | None, Field(description="Where the release is.")] = None
    failed_checks: Annotated[int | None, Field(description="Failed checks in the current run.")] = (
        None
    )
    canary_weight: Annotated[
        int | None, Field(description="Percent of the traffic that the canary was last given.")
    ] = None
    iterations: Annotated[
        int | None, Field(description="Iterations done, for A/B tests and blue/green.")
    ] = None
    tracked_configs: Annotated[
        dict[str, str] | None,
        Field(description="Checksums of the ConfigMaps and Secrets that belong to the revision."),
    ] = None
    last_applied_spec: Annotated[
        str | None, Field(description="The revision under consideration.")
    ] = None
    last_promoted_spec: Annotated[str | None, Field(description="The revision promoted last.")] = (
        None
    )
    last_tracked_revision: Annotated[
        str | None, Field(description="Of Flagger; kept as it is found.")
    ] = None
    last_transition_time: Annotated[
        Instant | None, Field(description="When this status last changed.")
    ] = None
    session_affinity_cookie: Annotated[
        str | None, Field(description="The cookie of the canary, as name=value.")
    ] = None
    primary_session_affinity_cookie: Annotated[
        str | None, Field(description="The cookie of the primary, as name=value.")
    ] = None
    previous_session_affinity_cookie: Annotated[
        str | None, Field(description="The canary's cookie of the run before.")
    ] = None
    observed_generation: Annotated[
        int | None, Field(description="The generation of the spec that this status is about.")
    ] = None
    workflow_id: Annotated[
        str | None, Field(description="The workflow of the release in Temporal.")
    ] = None
    reason: Annotated[str | None, Field(description="Why the last decision was taken.")] = None
    conditions: Annotated[
        tuple[StatusCondition, ...] | None, Field(description="Promoted, and kstatus' three.")
    ] = None
