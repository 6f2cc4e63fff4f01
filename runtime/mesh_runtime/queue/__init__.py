"""The queue: jobs in PostgreSQL, enqueued in the caller's transaction and run by workers under leases."""

from __future__ import annotations

from mesh_runtime.queue.context import JobContext
from mesh_runtime.queue.enqueue import enqueue, enqueue_many, register_types
from mesh_runtime.queue.errors import (
    HandlerError,
    InvalidJobError,
    NoQueueError,
    PayloadError,
    QueueError,
    StaleLeaseError,
    UnknownJobTypeError,
)
from mesh_runtime.queue.handlers import Handler, by_type, job
from mesh_runtime.queue.values import Counts, Job, NewJob
from mesh_runtime.queue.worker import Timing, Worker

__all__ = [
    "Counts",
    "Handler",
    "HandlerError",
    "InvalidJobError",
    "Job",
    "JobContext",
    "NewJob",
    "NoQueueError",
    "PayloadError",
    "QueueError",
    "StaleLeaseError",
    "Timing",
    "UnknownJobTypeError",
    "Worker",
    "by_type",
    "enqueue",
    "enqueue_many",
    "job",
    "register_types",
]
