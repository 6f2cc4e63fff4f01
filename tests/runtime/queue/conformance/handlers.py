"""One script for every kind of handler: the payload says what the job does."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from mesh_runtime.errors import Permanent, RetryAfter, Snooze
from mesh_runtime.queue import JobContext, job

STARTED, MAY_END, EFFECT = 0, 1, 2
"""What rows of `effects` say of a job: each of its starts, that it may end, and what it did in its own transaction."""
NOTE = "INSERT INTO effects (job_id, pid) VALUES (%s, %s)"
NOTED = "SELECT 1 FROM effects WHERE job_id = %s AND pid = %s"
_PATIENCE = 60


class Script(BaseModel):
    """What to do: return, raise, once (raise on the first attempt), hold, complete, or the name of an error."""

    do: str = "return"
    n: int = 0


def _note(context: JobContext, what: int) -> None:
    with context.connect() as connection:
        connection.execute(NOTE, (context.job.id, what))


def _may_end(context: JobContext) -> bool:
    with context.connect() as connection:
        return connection.execute(NOTED, (context.job.id, MAY_END)).fetchone() is not None


def _complete(context: JobContext) -> None:
    with context.connect() as connection:
        connection.execute(NOTE, (context.job.id, EFFECT))
        context.complete(connection, {"itself": True})


def _act(script: Script, context: JobContext) -> dict[str, object]:
    match script.do:
        case "permanent":
            raise Permanent("never")
        case "retry_after":
            raise RetryAfter(timedelta(hours=2), "busy")
        case "snooze":
            raise Snooze(timedelta(hours=2))
        case "raise":
            raise ValueError("boom")
        case "once" if context.job.attempt == 1:
            raise ValueError("boom")
        case "complete":
            _complete(context)
    return {"n": script.n, "attempt": context.job.attempt}


def _sync(script: Script, context: JobContext) -> dict[str, object]:
    _note(context, STARTED)
    since = time.monotonic()
    while script.do == "hold" and not context.cancelled and not _may_end(context):
        assert time.monotonic() - since < _PATIENCE
        time.sleep(0.02)
    return _act(script, context)


@job("conform_thread", payload=Script)
def in_thread(script: Script, context: JobContext) -> dict[str, object]:
    """In a thread."""
    return _sync(script, context)


@job("conform_process", payload=Script, isolation="process")
def in_process(script: Script, context: JobContext) -> dict[str, object]:
    """In a process of its own."""
    return _sync(script, context)


@job("conform_async", payload=Script)
async def in_loop(script: Script, context: JobContext) -> dict[str, object]:
    """In the worker's event loop."""
    await asyncio.to_thread(_note, context, STARTED)
    while script.do == "hold" and not await asyncio.to_thread(_may_end, context):
        await asyncio.sleep(0.02)
    return await asyncio.to_thread(_act, script, context)


def payload(do: str, n: int = 0) -> dict[str, Any]:
    """A script's payload."""
    return {"do": do, "n": n}
