"""The whole: a server, workers, enqueuers, a storm, and the verdict after it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.runtime.queue.chaos.enqueuers import GATES, SUBJECTS, Enqueued, Enqueuer
from tests.runtime.queue.chaos.handlers import HANDLERS
from tests.runtime.queue.chaos.storm import Every, Server, Storm
from tests.runtime.queue.chaos.verdict import figures, problems
from tests.runtime.queue.chaos.workers import Workers

from mesh_descriptors.project import PROJECT_FILE
from mesh_runtime.database import EmbeddedServer, connect, migrate, runtime_source
from mesh_runtime.queue import register_types

RECORD = Path(__file__).with_name("record.sql")
_LIVE = "SELECT (SELECT count(*) FROM mesh.jobs), (SELECT count(*) FROM mesh.leases)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how hard.

    Attributes:
        seconds: the storm lasts at least so long.
        jobs: and until so many jobs are enqueued; None enqueues as long as the storm lasts.
        workers: processes.
        lease: of the workers, in seconds; a frozen one is frozen for 1.7 times that.
        drain: seconds that the queue may take to become empty afterwards.
        seed: of what goes wrong and when; processes and their timing are not repeatable.
    """

    seconds: float = 20
    jobs: int | None = None
    workers: int = 4
    concurrency: int = 8
    enqueuers: int = 2
    backlog: int = 1500
    lease: float = 2.0
    drain: float = 60
    seed: int = 1
    every: Every = field(default_factory=Every)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it; it is well when there are no problems."""

    problems: list[str]
    figures: dict[str, Any]


def play(plan: Plan, folder: Path) -> Report:
    """Play the scene in an empty folder."""
    project = folder / "project"
    project.mkdir()
    (project / PROJECT_FILE).write_text('[project]\nname = "chaos"\n')
    with ExitStack() as stack:
        server = Server(EmbeddedServer(folder / "server"))
        stack.callback(server.close)
        _prepare(server.url)
        workers = Workers(str(project), server.url, number=plan.workers, lease=plan.lease, concurrency=plan.concurrency)
        stack.callback(workers.kill)
        enqueued, happened, accepted, took = _weather(plan, server, workers)
        drained = _drain(server.url, workers, plan.drain)
        codes = workers.stop()
        return _judged(server.url, enqueued, plan, happened, accepted, took, drained, codes)


def _prepare(url: str) -> None:
    with connect(url) as connection:
        migrate(connection, (runtime_source(),))
    with connect(url, autocommit=True) as connection:
        connection.execute(RECORD.read_bytes())
        register_types(connection, HANDLERS.values())
        connection.cursor().executemany("INSERT INTO chaos.subjects (key) VALUES (%s)", [(key,) for key in SUBJECTS])
        connection.cursor().executemany("INSERT INTO chaos.limits VALUES (%s, %s)", list(GATES.items()))


def _weather(plan: Plan, server: Server, workers: Workers) -> tuple[Enqueued, dict[str, int], int, float]:
    enqueued = Enqueued()
    enqueuers = [
        Enqueuer(server.url, enqueued, seed=plan.seed + number, until=plan.jobs, backlog=plan.backlog)
        for number in range(plan.enqueuers)
    ]
    storm = Storm(server, server.url, workers, every=plan.every, lease=plan.lease, seed=plan.seed)
    began = time.monotonic()
    for thread in (*enqueuers, storm):
        thread.start()
    while storm.is_alive() and (time.monotonic() - began < plan.seconds or (plan.jobs and not enqueuers[0].done)):
        time.sleep(0.1)
    for thread in (*enqueuers, storm):
        thread.stopping.set()
    for thread in (*enqueuers, storm):
        thread.join()
    if storm.error is not None:
        raise storm.error
    return enqueued, dict(storm.happened), storm.accepted_from_ghosts, time.monotonic() - began


def _drain(url: str, workers: Workers, patience: float) -> float | None:
    """How many seconds the workers took to empty the queue; None when they did not."""
    began = time.monotonic()
    with connect(url, autocommit=True) as connection:
        while time.monotonic() - began < patience:
            workers.replace()
            if connection.execute(_LIVE).fetchone() == (0, 0):
                return time.monotonic() - began
            time.sleep(0.1)
    return None


def _judged(
    url: str,
    enqueued: Enqueued,
    plan: Plan,
    happened: dict[str, int],
    accepted: int,
    took: float,
    drained: float | None,
    codes: list[int | None],
) -> Report:
    with connect(url, autocommit=True) as connection:
        connection.execute("SELECT mesh.tick()")
        found = problems(connection, enqueued.acknowledged)
        counted = figures(connection)
    if accepted:
        found.append(f"somebody with tokens of leases that were gone ended jobs: {accepted}")
    if drained is None:
        found.append(f"the queue was not empty {plan.drain:g} s after the storm")
    if any(codes):
        found.append(f"a worker did not end well when it was asked to: {codes}")
    counted |= {"seconds": round(took, 1), "drained_in": drained and round(drained, 1), **happened}
    counted |= {"acknowledged": enqueued.count, "failed_transactions": dict(enqueued.failures)}
    return Report(found, counted)
