"""Timeouts and retries by name; no call site names a number."""

from datetime import timedelta

from temporalio.common import Priority, RetryPolicy

READ_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)
WRITE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=15)
)
RESTORE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)
)
OBSERVE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)
)
UNDO_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)
BEST_EFFORT_RETRY = RetryPolicy(maximum_attempts=5)

SEND_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)
)
AUDIT_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)

RESTORE_PAUSE = timedelta(seconds=5)
READ_TIMEOUT = timedelta(seconds=15)
WRITE_TIMEOUT = timedelta(seconds=10)
STOP_TIMEOUT = timedelta(minutes=10)
HOOK_TIMEOUT = timedelta(hours=1)
HEARTBEAT = timedelta(seconds=30)
HEARTBEAT_EVERY = timedelta(seconds=10)
OBSERVE_HEARTBEAT = timedelta(seconds=20)
ATTENDED_HEARTBEAT = timedelta(seconds=10)
ATTENDED_EVERY = timedelta(seconds=1)
VOUCH_LIMIT = timedelta(minutes=1)
"""An order that nobody can vouch for by then is refused; whoever gave it gives it again."""
DELIVERY_TIMEOUT = timedelta(seconds=45)
DELIVERY_LIMIT = timedelta(hours=6)
SEND_TIMEOUT = timedelta(seconds=45)
"""More than the 30 s that one request to a receiver may take."""
GIVE_UP_AFTER = timedelta(hours=1)
"""From then on an alert is a dead letter."""
RESTORE_PATIENCE = timedelta(seconds=60)
SILENCE = timedelta(days=1)
"""After so long without news an announcer looks whether its rollout is still there."""
AUDIT_PATIENCE = timedelta(seconds=20)
"""For so long the end of a rollout waits for its record to be in the audit log."""
UNDO_GRACE = timedelta(seconds=10)
OBSERVE_TIMEOUT = timedelta(days=3650)

FIRST = Priority(priority_key=1)
ORDINARY = Priority(priority_key=3)
LAST = Priority(priority_key=5)
