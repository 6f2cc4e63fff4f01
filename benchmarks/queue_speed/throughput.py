"""No-op jobs through one worker process, beside raw loops and the peers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.queue_speed import raw
from benchmarks.queue_speed.bed import answer, child, vacuum
from benchmarks.queue_speed.client import HANDLERS
from benchmarks.queue_speed.figures import Figure, missing, rate, share
from benchmarks.queue_speed.others import PEERS, MissingPeerError

from mesh_runtime.database import connect
from mesh_runtime.queue import NewJob, enqueue_many, register_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from benchmarks.queue_speed.bed import Bed
    from benchmarks.queue_speed.others import Peer

SPAN = """
SELECT count(*), extract(epoch FROM max(completed_at) - min(started_at))::float8 FROM (
    SELECT started_at, completed_at FROM mesh.history WHERE job_type = %s AND completed_at > %s
    ORDER BY completed_at LIMIT %s) AS ran
"""
LARGE = 1000
"""The concurrency of workers whose jobs do nothing."""


def fill(url: str, jobs: int, job_type: str = "noop") -> None:
    """Enqueue so many jobs."""
    with connect(url, autocommit=True) as connection:
        register_types(connection, HANDLERS.values())
        enqueue_many(connection, [NewJob(job_type=job_type, payload={}) for _ in range(jobs)])
        vacuum(connection)


def drained(bed: Bed, url: str, *, prefetch: int, until: int = 0, concurrency: int = LARGE, number: int = 1) -> float:
    """Jobs a second, from the first claim to the last completion, of so many worker processes."""
    with connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        processes = [child("worker", bed.project, url, prefetch, concurrency, until) for _ in range(number)]
        for process in processes:
            answer(process)
        return span(connection, "noop", row[0], until or 10**9)


def span(connection: psycopg.Connection[Any], job_type: str, since: object, most: int) -> float:
    """Jobs a second, of those that completed since then."""
    found = connection.execute(SPAN, (job_type, since, most)).fetchone()
    assert found is not None
    return float(found[0] / found[1])


def measure(bed: Bed) -> Iterator[Figure]:
    """Ours at two sizes of batch, beside the raw loops, then the others."""
    jobs = bed.many(100_000, 10_000)

    def ours(prefetch: int) -> float:
        with bed.database() as url:
            fill(url, jobs)
            return drained(bed, url, prefetch=prefetch)

    def loop(prefetch: int) -> float:
        with bed.database() as url:
            fill(url, jobs)
            return raw.drain(url, prefetch)

    def segments() -> float:
        with bed.database() as url:
            return raw.append_only(url, jobs, 100)

    found = bed.medians(segments, *(partial(way, batch) for batch in (50, 500) for way in (loop, ours)))
    append_only, best = found[0], max(found[2], found[4])
    yield rate("raw append-only loop, batch 100", append_only)
    for place, prefetch in ((1, 50), (3, 500)):
        yield rate(f"raw loop, batch {prefetch}", found[place])
        yield share(f"no-op, prefetch {prefetch}", found[place + 1], found[place], 0.7, "the raw loop")
    yield share("no-op, the better one", best, append_only, 0.35, "the append-only loop")
    yield from _peers(bed, best)


def _peers(bed: Bed, ours: float) -> Iterator[Figure]:
    for peer in PEERS if bed.peers else ():
        jobs = min(peer.jobs, bed.many(100_000, 2_000))
        enqueued: list[float] = []
        try:
            (found,) = bed.medians(partial(_peer, bed, peer, jobs, enqueued))
        except MissingPeerError as error:
            yield missing(f"  {peer.name}", str(error))
            continue
        yield Figure(
            name=f"  {peer.name}",
            figure=f"{found:,.0f}/s (enqueue {sorted(enqueued)[len(enqueued) // 2]:,.0f}/s)",
            value=found,
            target="below ours",
            met=found < ours,
        )


def _peer(bed: Bed, peer: Peer, jobs: int, enqueued: list[float]) -> float:
    found = peer.run(bed, "throughput", jobs)
    enqueued.append(found["enqueue"])
    return float(found["throughput"])
