"""Whoever runs jobs: a worker with one kind of handler, or a caller over RPC that follows the same script."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from tests.runtime.queue.conformance.handlers import EFFECT, MAY_END, NOTE, NOTED, STARTED
from tests.runtime.queue.workers import QUICK, working

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_runtime.queue import Handler
    from mesh_runtime.settings import Settings

_CLAIM = "SELECT id, payload, attempts, lease_token FROM claim_next_job('conformance', %s)"
_RPC = "conform_rpc"


@dataclass(frozen=True, slots=True)
class WorkerCaller:
    """A worker that has one handler."""

    name: str
    handler: Handler
    can_say_more: bool = True

    @property
    def job_type(self) -> str:
        """Of the jobs that it runs."""
        return self.handler.job_type

    @contextmanager
    def running(self, settings: Settings) -> Iterator[list[str]]:
        """Run jobs while the body does; the list has what was refused."""
        refused: list[str] = []
        with working(settings, self.handler, timing=QUICK, concurrency=2) as worker:
            yield refused
        refused += ["refused"] * worker.counts.refused


@dataclass(frozen=True, slots=True)
class RpcCaller:
    """One that knows nothing but the four functions. It cannot snooze, nor say for how long to wait."""

    name: str = "rpc"
    job_type: str = _RPC
    can_say_more: bool = False

    @contextmanager
    def running(self, settings: Settings) -> Iterator[list[str]]:
        """Run jobs while the body does, two at a time; the list has what was refused."""
        refused: list[str] = []
        stopping = threading.Event()
        threads = [threading.Thread(target=_Rpc(settings, stopping, refused).loop) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield refused
        finally:
            stopping.set()
            for thread in threads:
                thread.join()


@dataclass(slots=True)
class _Rpc:
    settings: Settings
    stopping: threading.Event
    refused: list[str]
    connection: psycopg.Connection[Any] = field(init=False)

    def loop(self) -> None:
        with connect(self.settings, autocommit=True) as self.connection:
            while not self.stopping.wait(0.02):
                job_id, script, attempt, token = self._rows(_CLAIM, [_RPC])[0]
                if job_id is not None:
                    try:
                        self._run(job_id, script, attempt, token)
                    except psycopg.Error as error:
                        if error.sqlstate != "PT409":
                            raise
                        self.refused.append(str(error))

    def _run(self, job_id: object, script: dict[str, Any], attempt: int, token: int) -> None:
        self._rows(NOTE, job_id, STARTED)
        while script["do"] == "hold" and not self.stopping.wait(0.05):
            if self._rows(NOTED, job_id, MAY_END):
                break
            if self._rows("SELECT heartbeat_job(%s, %s)", job_id, token) == [(None,)]:
                return  # cancelled
        if script["do"] == "raise" or (script["do"] == "once" and attempt == 1):
            self._rows("SELECT fail_job(%s, 'ValueError: boom', %s)", job_id, token)
            return
        result: dict[str, object] = {"n": script["n"], "attempt": attempt}
        with self.connection.transaction():
            if script["do"] == "complete":
                self._rows(NOTE, job_id, EFFECT)
                result = {"itself": True}
            self._rows("SELECT complete_job(%s, %s, %s)", job_id, json.dumps(result), token)

    def _rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(sql.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


Caller = WorkerCaller | RpcCaller
