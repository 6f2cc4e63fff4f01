"""awa (awa-pg): URL WHAT NUMBER WORKERS."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

import awa


@dataclass
class Noop:
    """What a job carries."""

    at: float


async def main(url: str, what: str, number: int, workers: int) -> dict[str, Any]:
    """Run it."""
    client = awa.AsyncClient(url.replace("@/", "@localhost/"))  # its driver wants a host, and then takes the socket
    await client.migrate()
    await client.install_queue_storage()
    times: list[float] = []
    starts: list[float] = []
    done = asyncio.Event()

    @client.task(Noop, queue="bench")
    async def noop(job: Any) -> None:
        times.append(time.perf_counter())
        starts.append(time.monotonic() - job.args.at)
        if len(times) >= number:
            done.set()

    if what == "latency":
        await client.start([("bench", workers)])
        await asyncio.sleep(1)
        for _ in range(number):
            await client.insert(Noop(time.monotonic()), queue="bench")
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        await client.shutdown()
        return {"starts": starts}
    began = time.perf_counter()
    for first in range(0, number, 10_000):
        await client.enqueue_many_copy([Noop(0.0)] * min(10_000, number - first), queue="bench")
    enqueued = number / (time.perf_counter() - began)
    await client.start([("bench", workers)])
    await asyncio.wait_for(done.wait(), 600)
    took = times[-1] - times[0]
    await client.shutdown()
    return {"enqueue": enqueued, "throughput": number / took}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
