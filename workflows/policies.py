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
UNDO_GRACE = timedelta(seconds=10)
OBSERVE_TIMEOUT = timedelta(days=3650)

FIRST = Priority(priority_key=1)
ORDINARY = Priority(priority_key=3)
