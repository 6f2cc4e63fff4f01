"""The queue: jobs in PostgreSQL, enqueued in the caller's transaction and run by workers under leases."""

from __future__ import annotations

from mesh_runtime.queue.context import JobContext, Stop
from mesh_runtime.queue.enqueue import enqueue, enqueue_many, register_types
from mesh_runtime.queue.enqueue_async import enqueue_async, enqueue_many_async, register_types_async
from mesh_runtime.queue.enqueue_dbapi import enqueue_dbapi
from mesh_runtime.queue.errors import (
    HandlerError,
    InvalidJobError,
    NoQueueError,
    PayloadError,
    QueueError,
    StaleLeaseError,
    UnknownJobTypeError,
    UnknownParentError,
)
from mesh_runtime.queue.handlers import Handler, by_type, job
from mesh_runtime.queue.new_jobs import Gate, NewJob
from mesh_runtime.queue.secret_fields import Secret
from mesh_runtime.queue.values import Counts, Job
from mesh_runtime.queue.worker import Timing, Worker

__all__ = [
    "Counts",
    "Gate",
    "Handler",
    "HandlerError",
    "InvalidJobError",
    "Job",
    "JobContext",
    "NewJob",
    "NoQueueError",
    "PayloadError",
    "QueueError",
    "Secret",
    "StaleLeaseError",
    "Stop",
    "Timing",
    "UnknownJobTypeError",
    "UnknownParentError",
    "Worker",
    "by_type",
    "enqueue",
    "enqueue_async",
    "enqueue_dbapi",
    "enqueue_many",
    "enqueue_many_async",
    "job",
    "register_types",
    "register_types_async",
]
