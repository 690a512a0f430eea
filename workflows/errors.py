"""Every way in which Serinus fails, as one closed list.

    SerinusError
    ├── ManifestError      a manifest is refused at the border; carries a path for each problem
    └── ApplicationError   Temporal's; what `failure(...)` gives activities to raise

Whether a failure may be retried is decided where it is raised, never by reading its text.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from workflows.model.problem import Problem

TEXT_LIMIT = 8_000


class Reason(StrEnum):
    """Why something failed, was refused or was decided; stable, so scripts may match on it."""

    # input
    INVALID_MANIFEST = "InvalidManifest"
    TARGET_NOT_FOUND = "TargetNotFound"
    INVALID_REQUEST = "InvalidRequest"
    STALE_DECISION = "StaleDecision"
    NOT_ALLOWED_NOW = "NotAllowedNow"
    REVISION_REFUSED = "RevisionRefused"
    # approvals
    NOT_ALLOWED_TO_APPROVE = "NotAllowedToApprove"
    """Not one of the people or groups that the gate asks."""
    AUTHOR_MAY_NOT_APPROVE = "AuthorMayNotApprove"
    ALREADY_APPROVED = "AlreadyApproved"
    IDENTITY_NOT_PROVEN = "IdentityNotProven"
    """Who it is from is only claimed, and the gate wants to know."""
    SEAL_INVALID = "SealInvalid"
    GATE_EXPIRED = "GateExpired"
    # writes
    FENCED = "Fenced"
    STORAGE_FULL = "StorageFull"
    ROUTE_REJECTED = "RouteRejected"
    ROUTER_DOWN = "RouterDown"
    WORKLOAD_REJECTED = "WorkloadRejected"
    SUPERVISOR_DOWN = "SupervisorDown"
    PRIMARY_NOT_READY = "PrimaryNotReady"
    # cluster
    CLUSTER_UNREACHABLE = "ClusterUnreachable"
    """No answer from the API server, or one that says to try again later."""
    CLUSTER_FORBIDDEN = "ClusterForbidden"
    KIND_NOT_INSTALLED = "KindNotInstalled"
    CONFLICT = "Conflict"
    """Somebody else changed the object in between; read it again."""
    OBJECT_REJECTED = "ObjectRejected"
    """The API server or an admission webhook will not have it."""
    TARGET_CHANGED = "TargetChanged"
    """What was analysed can no longer be had."""
    # workload
    PROGRESS_DEADLINE = "ProgressDeadlineExceeded"
    # checks
    THRESHOLD_BREACHED = "ThresholdBreached"
    FAILED_CHECKS = "FailedChecksThresholdReached"
    NO_DATA = "NoData"
    METRICS_DOWN = "MetricsProviderDown"
    METRICS_DENIED = "MetricsCredentialsRefused"
    METRICS_INVALID = "MetricsAnswerInvalid"
    HOOK_FAILED = "HookFailed"
    HOOK_UNREACHABLE = "HookUnreachable"
    # guard
    GUARD_ERRORS = "GuardErrors"
    GUARD_NOT_READY = "GuardCanaryNotReady"
    # people and events
    REJECTED = "Rejected"
    ABORTED = "Aborted"
    CANCELLED = "Cancelled"
    TERMINATED = "Terminated"
    ROLLBACK_HOOK = "RollbackHook"
    SUPERSEDED = "Superseded"
    REVERTED = "RevertedToPromoted"
    # alerts
    RECEIVER_DOWN = "ReceiverDown"
    """No answer, or one that says to try again later."""
    ALERT_REFUSED = "AlertRefused"
    """The receiver will not have it, or there is none to send it to."""
    # audit
    AUDIT_UNWRITABLE = "AuditUnwritable"
    # process
    WORKER_SHUTDOWN = "WorkerShutdown"
    SECRET_MISSING = "SecretMissing"  # noqa: S105  a reason code, not a secret
    INTERNAL = "Internal"


class SerinusError(Exception):
    """The root of what Serinus raises on purpose."""


class ManifestError(SerinusError):
    """A manifest is refused; one line a problem."""

    reason = Reason.INVALID_MANIFEST

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def bounded(text: str) -> str:
    """Cut a text so that no failure can exceed a payload limit."""
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def failure(
    reason: Reason,
    message: str,
    *details: object,
    retryable: bool,
    retry_after: timedelta | None = None,
) -> ApplicationError:
    """The one form in which an activity fails."""
    return ApplicationError(
        bounded(message),
        *details,
        type=reason,
        non_retryable=not retryable,
        next_retry_delay=retry_after,
    )


def worker_shutdown() -> ApplicationError:
    """Hand a long activity to the next worker at once; nothing is wrong."""
    return ApplicationError(
        "the worker is stopping; the next one goes on from the last heartbeat",
        type=Reason.WORKER_SHUTDOWN,
        next_retry_delay=timedelta(milliseconds=10),
        category=ApplicationErrorCategory.BENIGN,
    )


def reason_of(error: ApplicationError) -> Reason:
    """The reason code an activity gave; `Internal` for anything outside the closed list."""
    try:
        return Reason(error.type or "")
    except ValueError:
        return Reason.INTERNAL
