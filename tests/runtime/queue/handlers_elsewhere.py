"""Handlers that run in processes of their own, which find them by importing this module."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from mesh_runtime.errors import Permanent, RetryAfter
from mesh_runtime.queue import JobContext, job

PID = "INSERT INTO effects (job_id, pid) VALUES (%s, %s)"


class Number(BaseModel):
    n: int


def say_pid(context: JobContext, pid: int) -> None:
    """Let the test know which process runs the job."""
    with context.connect() as connection:
        connection.execute(PID, (context.job.id, pid))


@job("twice", payload=Number, isolation="process")
def twice(payload: Number, context: JobContext) -> dict[str, object]:
    """Return something, and where."""
    return {"twice": payload.n * 2, "pid": os.getpid(), "attempt": context.job.attempt}


@job("twice_async", payload=Number, isolation="process")
async def twice_async(payload: Number, context: JobContext) -> dict[str, object]:
    """The same, in an event loop."""
    await asyncio.sleep(0)
    return {"twice": payload.n * 2, "pid": os.getpid(), "attempt": context.job.attempt}


@job("stuck", isolation="process")
def stuck(_payload: dict[str, Any], context: JobContext) -> None:
    """Never return, and have a child that does not either."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        say_pid(context, child.pid)
        say_pid(context, os.getpid())
        time.sleep(600)


@job("stuck_briefly", isolation="process", timeout=timedelta(seconds=0.3))
def stuck_briefly(_payload: dict[str, Any], context: JobContext) -> None:
    """Never return, though there is a limit."""
    say_pid(context, os.getpid())
    time.sleep(600)


@job("dying", payload=Number, isolation="process")
def dying(payload: Number, context: JobContext) -> None:
    """Take the process along, on the first attempt."""
    if context.job.attempt <= payload.n:
        os._exit(3)


@job("raising", payload=Number, isolation="process")
def raising(payload: Number, _context: JobContext) -> None:
    """Fail in one of the ways in which handlers fail."""
    raise [ValueError("broken"), RetryAfter(timedelta(hours=1), "busy"), Permanent("never"), SystemExit(4)][payload.n]


@job("paid", isolation="process")
def paid(_payload: dict[str, Any], context: JobContext) -> None:
    """Complete in its own transaction."""
    with context.connect() as connection:
        connection.execute(PID, (context.job.id, 1))
        context.complete(connection, {"paid": True})
