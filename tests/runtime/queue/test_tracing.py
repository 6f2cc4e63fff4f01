"""Traces: a job's run belongs to the span in which it was enqueued; without OpenTelemetry nothing is asked of it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.runtime.queue.workers import QUICK

from mesh_runtime.queue import Handler, JobContext, NewJob, Worker, by_type, enqueue, enqueue_many, job
from mesh_runtime.queue.tracing import continued, current_traceparent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.queue import Counts
    from mesh_runtime.settings import Settings

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def provided() -> InMemorySpanExporter:
    """What the tracer of this process exports; it can be set once in a process."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(provided: InMemorySpanExporter) -> Iterator[Callable[[], dict[str, ReadableSpan]]]:
    """The spans that ended in the test, by name."""
    provided.clear()
    yield lambda: {span.name: span for span in provided.get_finished_spans()}
    provided.clear()


@pytest.fixture
def drain(settings: Settings, auto: Connection) -> Callable[..., Counts]:
    del auto

    def run(*handlers: Handler) -> Counts:
        return Worker(settings, by_type(handlers), timing=QUICK).run_until_empty()

    return run


@job("threaded")
def threaded(_payload: dict[str, Any], _context: JobContext) -> None:
    with trace.get_tracer("test").start_as_current_span("inside a thread"):
        pass


@job("looped")
async def looped(payload: dict[str, Any], _context: JobContext) -> None:
    with trace.get_tracer("test").start_as_current_span("inside the loop"):
        raise ValueError(payload["secret"])


@pytest.mark.usefixtures("spans")
def test_there_is_a_trace_context_only_inside_a_span() -> None:
    assert current_traceparent() is None
    with trace.get_tracer("test").start_as_current_span("outer") as span:
        context = span.get_span_context()
        assert (current_traceparent() or "")[:-2] == f"00-{context.trace_id:032x}-{context.span_id:016x}-"


def test_a_trace_goes_on_in_the_process_of_a_handler(spans: Callable[[], dict[str, ReadableSpan]]) -> None:
    with trace.get_tracer("test").start_as_current_span("outer") as outer:
        told = current_traceparent()
    with continued(told), trace.get_tracer("test").start_as_current_span("inner"):
        pass
    inner = spans()["inner"]
    assert inner.parent is not None
    assert inner.parent.span_id == outer.get_span_context().span_id


def test_a_run_belongs_to_the_span_in_which_its_job_was_enqueued(
    auto: Connection, drain: Callable[..., Counts], spans: Callable[[], dict[str, ReadableSpan]]
) -> None:
    with trace.get_tracer("test").start_as_current_span("one") as one:
        wanted = enqueue(auto, threaded, {})
    with trace.get_tracer("test").start_as_current_span("many") as many:
        enqueue_many(auto, [NewJob(job_type=looped, payload={"secret": "s3cret"}, max_attempts=1)])
    drain(threaded, looped)
    found = spans()
    run, inside = found["process threaded"], found["inside a thread"]
    assert run.parent is not None
    assert (run.parent.trace_id, run.parent.span_id) == (
        one.get_span_context().trace_id,
        one.get_span_context().span_id,
    )
    assert run.kind is trace.SpanKind.CONSUMER
    assert dict(run.attributes or {}) == {
        "messaging.system": "mesh",
        "messaging.operation.type": "process",
        "messaging.destination.name": "threaded",
        "messaging.message.id": str(wanted),
        "mesh.job.attempt": 1,
        "mesh.job.outcome": "completed",
    }
    assert inside.parent is not None
    assert inside.parent.span_id == run.get_span_context().span_id
    failed = found["process looped"]
    assert failed.parent is not None
    assert failed.parent.trace_id == many.get_span_context().trace_id
    assert failed.status.status_code is trace.StatusCode.ERROR
    assert "s3cret" not in failed.to_json()


@pytest.mark.parametrize("text", ["", "00-zz-1-01", f"00-{0:032x}-{0:016x}-00", "garbage", f"ff-{1:032x}-{1:016x}-01"])
def test_a_text_that_is_no_trace_context_begins_a_trace_of_its_own(
    rows: Rows, drain: Callable[..., Counts], spans: Callable[[], dict[str, ReadableSpan]], text: str
) -> None:
    rows("SELECT mesh.register_job_types('{threaded}'), mesh.enqueue('threaded', traceparent => %s)", text)
    assert drain(threaded).completed == 1
    assert spans()["process threaded"].parent is None


def test_the_queue_does_not_import_opentelemetry() -> None:
    program = """
import sys
from mesh_runtime.queue import Worker, enqueue
from mesh_runtime.queue.tracing import continued, current_traceparent, end_span, loaded, run_span
assert current_traceparent() is None and not loaded()
with run_span(None) as span, continued("00-1-1-1"):
    end_span(span, None)
assert not any(name.startswith("opentelemetry") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
