"""OpenTelemetry: the trace of whoever enqueued a job goes on where the job runs.

Nothing is imported here: a program that has spans has imported OpenTelemetry itself, and in one that has not, these
functions cost a look into `sys.modules`. The extra `otel` says which version fits.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span

    from mesh_runtime.queue.outcomes import Outcome
    from mesh_runtime.queue.values import Job

_API = "opentelemetry.trace"
_VERSION_AND_LENGTHS = ("00", 32, 16, 2)


def loaded() -> bool:
    """Whether this process uses OpenTelemetry."""
    return _API in sys.modules


def current_traceparent() -> str | None:
    """The W3C trace context of the span that is current here, as a job stores it; None without one."""
    if (api := sys.modules.get(_API)) is None:
        return None
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


@contextmanager
def run_span(job: Job) -> Iterator[Span | None]:
    """A consumer span around one run of a job, below the span in which it was enqueued."""
    if (api := sys.modules.get(_API)) is None:
        yield None
        return
    attributes = {
        "messaging.system": "mesh",
        "messaging.operation.type": "process",
        "messaging.destination.name": job.job_type,
        "messaging.message.id": str(job.id),
        "mesh.job.attempt": job.attempt,
    }
    with api.get_tracer("mesh.queue").start_as_current_span(
        f"process {job.job_type}",
        context=_remote(api, job.traceparent),
        kind=api.SpanKind.CONSUMER,
        attributes=attributes,
        record_exception=False,  # its text may hold what a payload keeps secret
        set_status_on_exception=False,
    ) as span:
        yield span


def end_span(span: Span | None, outcome: Outcome) -> None:
    """Say in the span how the run ended; never what the handler said, which may hold parts of a payload."""
    if span is None:
        return
    name = type(outcome).__name__.lower()
    span.set_attribute("mesh.job.outcome", "completed" if name == "endeditself" else name)
    if name == "failed":
        api = sys.modules[_API]
        span.set_status(api.StatusCode.ERROR)


@contextmanager
def continued(traceparent: str | None) -> Iterator[None]:
    """Spans that are begun inside belong below that one, as in the process of a handler."""
    api = sys.modules.get(_API)
    remote = None if api is None else _remote(api, traceparent)
    if api is None or remote is None:
        yield
        return
    with api.use_span(api.get_current_span(remote)):
        yield


def _remote(api: Any, traceparent: str | None) -> Any:
    """The context that a span is begun in; None, and so a trace of its own, when the text is no trace context."""
    parts = (traceparent or "").split("-")
    version, *lengths = _VERSION_AND_LENGTHS
    if parts[0] != version or [len(part) for part in parts[1:]] != lengths:
        return None
    try:
        trace_id, span_id, flags = (int(part, 16) for part in parts[1:])
    except ValueError:
        return None
    context = api.SpanContext(trace_id, span_id, is_remote=True, trace_flags=api.TraceFlags(flags))
    return api.set_span_in_context(api.NonRecordingSpan(context)) if context.is_valid else None
