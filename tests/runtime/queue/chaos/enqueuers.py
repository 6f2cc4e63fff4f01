"""Threads that enqueue jobs of every kind without pause, and know for sure what was committed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

from mesh_runtime.database import DatabaseUnreachableError, connect
from mesh_runtime.queue import Gate, NewJob, QueueError, enqueue, enqueue_many

if TYPE_CHECKING:
    from uuid import UUID

GATES = {f"chaos:{number}": number for number in (1, 2, 3)}
"""Gates, and how many jobs of each may run."""
SUBJECTS = tuple(f"subject {number}" for number in range(8))
KEYS = tuple(f"key {number}" for number in range(40))
_BATCH = 40
_BACKLOG = "SELECT count(*) FROM (SELECT FROM mesh.jobs LIMIT %s) AS waiting"
_CHANGE = "UPDATE chaos.subjects SET changes = changes + 1 WHERE key = %s"
_CANCEL = "SELECT outcome FROM mesh.cancel_jobs(%s)"


@dataclass(slots=True)
class Enqueued:
    """What was committed beyond doubt: the ids of jobs, duplicates among them."""

    acknowledged: set[UUID] = field(default_factory=set)
    failures: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def count(self) -> int:
        """How many jobs were acknowledged."""
        return len(self.acknowledged)

    def add(self, ids: list[UUID]) -> None:
        """A commit was answered."""
        with self.lock:
            self.acknowledged.update(ids)


class Enqueuer(threading.Thread):
    """Enqueues until it is stopped, or until so many jobs are in; never lets more than `backlog` wait."""

    def __init__(self, url: str, enqueued: Enqueued, *, seed: int, until: int | None, backlog: int) -> None:
        super().__init__(name=f"enqueuer-{seed}", daemon=True)
        self.stopping = threading.Event()
        self._url = url
        self._enqueued = enqueued
        self._random = random.Random(seed)
        self._until = until
        self._backlog = backlog

    @property
    def done(self) -> bool:
        """Whether enough was enqueued."""
        return self.stopping.is_set() or (self._until is not None and self._enqueued.count >= self._until)

    def run(self) -> None:
        """Enqueue; a transaction that fails is left to its fate, and the next one is begun."""
        while not self.done:
            try:
                with connect(self._url, application_name="chaos: enqueuer") as connection:
                    connection.row_factory = tuple_row
                    while not self.done:
                        self._step(connection)
            except (psycopg.Error, QueueError, DatabaseUnreachableError) as error:
                self._enqueued.failures[type(error).__name__] += 1
                time.sleep(0.05)

    def _step(self, connection: psycopg.Connection[Any]) -> None:
        waiting = connection.execute(_BACKLOG, (self._backlog,)).fetchone()
        if waiting is not None and waiting[0] >= self._backlog:
            connection.commit()
            time.sleep(0.05)
            return
        ids = self._enqueue(connection)
        connection.commit()
        self._enqueued.add(ids)
        self._regret(connection)

    def _enqueue(self, connection: psycopg.Connection[Any]) -> list[UUID]:
        subject = self._random.choice(SUBJECTS)
        connection.execute(_CHANGE, (subject,))
        if self._random.random() < 0.2:
            return [enqueue(connection, "chaos_debounced", {"subject": subject}, debounce_key=subject)]
        parents = [NewJob(job_type="chaos_plain", payload={}) for _ in range(2)]
        jobs = [*parents, NewJob(job_type="chaos_child", payload={}, after=parents)]
        jobs += [self._one() for _ in range(_BATCH)]
        jobs.append(
            NewJob(
                job_type="chaos_debounced",
                payload={"subject": subject},
                debounce_key=subject,
                delay=timedelta(seconds=self._random.choice((0, 0.2))),
            )
        )
        return enqueue_many(connection, jobs)

    def _one(self) -> NewJob:
        draw = self._random
        delay = timedelta(seconds=draw.uniform(0, 1)) if draw.random() < 0.1 else None
        priority = draw.choice((0, 0, 0, 5))
        kind = draw.choices(("plain", "async", "once", "keyed", "gated", "flaky", "cancelled"), (8, 6, 8, 3, 4, 1, 1))[
            0
        ]
        payload: dict[str, object] = {"n": draw.randrange(1000)}
        if kind == "keyed":
            return NewJob(job_type="chaos_keyed", payload=payload, unique_key=draw.choice(KEYS), priority=priority)
        if kind == "gated":
            key = draw.choice(tuple(GATES))
            return NewJob(job_type="chaos_gated", payload=payload, gate=Gate(key, most_running=GATES[key]), delay=delay)
        return NewJob(job_type=f"chaos_{kind}", payload=payload, priority=priority, delay=delay)

    def _regret(self, connection: psycopg.Connection[Any]) -> None:
        found = connection.execute(
            "SELECT id FROM mesh.jobs WHERE job_type = 'chaos_cancelled' ORDER BY random() LIMIT 1"
        )
        running = connection.execute(
            "SELECT j.id FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j WHERE j.job_type = 'chaos_cancelled' LIMIT 1"
        )
        connection.execute(_CANCEL, ([row[0] for row in (*found.fetchall(), *running.fetchall())],))
        connection.commit()
