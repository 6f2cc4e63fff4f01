"""procrastinate, with its psycopg connector: URL WHAT NUMBER CONCURRENCY."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from typing import Any

import procrastinate


async def main(url: str, what: str, number: int, concurrency: int) -> dict[str, Any]:
    """Run it."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, max_size=concurrency + 4))
    times: list[float] = []
    starts: list[float] = []

    @app.task(name="noop")
    async def noop(at: float) -> None:
        times.append(time.perf_counter())
        starts.append(time.monotonic() - at)

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        if what == "latency":
            worker = asyncio.create_task(app.run_worker_async(concurrency=concurrency, install_signal_handlers=False))
            await asyncio.sleep(1)
            for _ in range(number):
                await noop.defer_async(at=time.monotonic())
                await asyncio.sleep(0.05)
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
            return {"starts": starts}
        began = time.perf_counter()
        for first in range(0, number, 1000):
            await noop.batch_defer_async(*({"at": 0.0} for _ in range(min(1000, number - first))))
        enqueued = number / (time.perf_counter() - began)
        await app.run_worker_async(
            concurrency=concurrency, wait=False, install_signal_handlers=False, listen_notify=False
        )
        return {"enqueue": enqueued, "throughput": number / (time.perf_counter() - times[0])}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
