"""PgQueuer, with asyncpg and uvloop: URL WHAT NUMBER BATCH."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from datetime import timedelta
from typing import Any

import asyncpg
import uvloop
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job  # noqa: TC002  PgQueuer reads the annotation
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode


async def main(url: str, what: str, number: int, batch: int) -> dict[str, Any]:
    """Run it."""
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    manager = QueueManager(Queries(AsyncpgDriver(await asyncpg.connect(url))))
    times: list[float] = []
    starts: list[float] = []

    @manager.entrypoint("noop")
    async def noop(job: Job) -> None:
        times.append(time.perf_counter())
        if job.payload:
            starts.append(time.monotonic() - float(job.payload))

    if what == "latency":
        worker = asyncio.create_task(manager.run(batch_size=batch))
        await asyncio.sleep(1)
        for _ in range(number):
            await queries.enqueue("noop", str(time.monotonic()).encode())
            await asyncio.sleep(0.05)
        manager.shutdown.set()
        await asyncio.wait([worker], timeout=5)
        return {"starts": starts}
    began = time.perf_counter()
    for first in range(0, number, 10_000):
        size = min(10_000, number - first)
        await queries.enqueue(["noop"] * size, [None] * size, [0] * size)
    enqueued = number / (time.perf_counter() - began)
    await manager.run(batch_size=batch, mode=QueueExecutionMode.drain, dequeue_timeout=timedelta(seconds=1))
    return {"enqueue": enqueued, "throughput": len(times) / (time.perf_counter() - times[0])}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
