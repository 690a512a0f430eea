"""How Serinus' programs log: one event a line, JSON unless a person is looking.

Called once by `serinus worker`, `controller` and `gateway`. Events of the SDK and of libraries
come the same way. All carry the ids of the workflow, activity and span they are about.
"""

import logging
import sys
from collections.abc import Iterator

import structlog
from opentelemetry import trace
from temporalio import activity, workflow

QUIET = ("httpx", "httpcore", "kubernetes", "uvicorn.access")
"""Loggers that tell of every request."""


def configure(level: str) -> None:
    """Log from this level on to standard error."""
    shared: tuple[structlog.typing.Processor, ...] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        with_ids,
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer()],
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def with_ids(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """What it is about: the run, the activity, and the span, where there are any."""
    for name, value in _ids():
        event.setdefault(name, value)
    return event


def _ids() -> Iterator[tuple[str, object]]:
    if activity.in_activity():
        doing = activity.info()
        yield "workflow_id", doing.workflow_id
        yield "run_id", doing.workflow_run_id
        yield "activity_type", doing.activity_type
        yield "attempt", doing.attempt
    elif workflow.in_workflow():
        running = workflow.info()
        yield "workflow_id", running.workflow_id
        yield "run_id", running.run_id
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        yield "trace_id", trace.format_trace_id(span.trace_id)
        yield "span_id", trace.format_span_id(span.span_id)


def _renderer() -> structlog.typing.Processor:
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer(colors=True)
    return structlog.processors.JSONRenderer(default=str)
