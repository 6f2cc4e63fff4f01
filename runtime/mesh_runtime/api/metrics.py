"""The queue's figures for Prometheus, read from the database when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from mesh_runtime.queue.figures import queue_health, queue_stats, worker_counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg
    from prometheus_client import Metric

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_STATES = ("pending", "scheduled", "blocked", "running", "dead")
_ENDS = ("completed", "cancelled", "superseded", "purged")


def metrics(connection: psycopg.Connection[Any]) -> bytes:
    """The figures in Prometheus' text format. Labels are job types and states, and nothing of a payload."""
    registry = CollectorRegistry()
    registry.register(_Figures(connection))
    return generate_latest(registry)


class _Figures(Collector):
    """One scrape: its metrics are those of the moment, so nothing is kept from one scrape to the next."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def describe(self) -> Iterable[Metric]:
        """Nothing: collecting for a description would ask the database twice."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Every metric."""
        rows = queue_stats(self._connection)
        yield _by_state(rows)
        yield _enqueued(rows)
        yield _ended(rows)
        yield _by_type(
            "oldest_pending_seconds", "Age of the job that has waited longest.", rows, "oldest_pending_seconds"
        )
        yield _by_type("duration_mean_seconds", "Mean duration of a job, over the last hour.", rows, "mean_ms", 0.001)
        yield _by_type("failed_attempts_per_minute", "Failures, over the last hour.", rows, "failed_per_minute")
        yield _by_type("paused", "1 while jobs of the type are not started.", rows, "paused")
        counts = worker_counts(self._connection)
        yield GaugeMetricFamily("mesh_queue_workers", "Worker processes that live.", counts["alive"])
        yield GaugeMetricFamily("mesh_queue_workers_idle", "Worker processes that sleep.", counts["idle"])
        healthy = queue_health(self._connection).healthy
        yield GaugeMetricFamily("mesh_queue_healthy", "1 when /api/health/queue says so.", float(healthy))


def _by_state(rows: list[dict[str, Any]]) -> Metric:
    family = GaugeMetricFamily("mesh_queue_jobs", "Jobs that wait, run or are dead letters.", labels=["type", "state"])
    for row in rows:
        for state in _STATES:
            family.add_metric([row["job_type"], state], row[state])
    return family


def _enqueued(rows: list[dict[str, Any]]) -> Metric:
    family = CounterMetricFamily("mesh_queue_enqueued", "Jobs that were ever enqueued.", labels=["type"])
    for row in rows:
        family.add_metric([row["job_type"]], row["enqueued"])
    return family


def _ended(rows: list[dict[str, Any]]) -> Metric:
    family = CounterMetricFamily("mesh_queue_ended", "Jobs that ended for good.", labels=["type", "outcome"])
    for row in rows:
        for outcome in _ENDS:
            family.add_metric([row["job_type"], outcome], row[outcome])
    return family


def _by_type(name: str, text: str, rows: list[dict[str, Any]], column: str, unit: float = 1.0) -> Metric:
    family = GaugeMetricFamily(f"mesh_queue_{name}", text, labels=["type"])
    for row in rows:
        if row[column] is not None:
            family.add_metric([row["job_type"]], float(row[column]) * unit)
    return family
