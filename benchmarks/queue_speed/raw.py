"""Raw psycopg loops: what PostgreSQL can do here with the same statements, and with the cheapest ones known."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mesh_runtime.database import connect, queries

if TYPE_CHECKING:
    import psycopg

_SQL = queries("queue")
_COLUMNS = "id, job_type, priority, payload, payload_version, user_id"

TWIN = "CREATE SCHEMA twin; CREATE TABLE twin.jobs (LIKE mesh.jobs INCLUDING ALL)"
"""The same table and indexes, without triggers, and with nobody who reads it."""

SEGMENTS = """
CREATE SCHEMA segments;
CREATE TABLE segments.jobs (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL, payload jsonb NOT NULL
);
CREATE TABLE segments.lanes (name text PRIMARY KEY, next bigint NOT NULL);
CREATE TABLE segments.claims (first bigint NOT NULL, last bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE segments.ends (first bigint NOT NULL, last bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
INSERT INTO segments.lanes VALUES ('noop', 1);
"""
_FILL = "INSERT INTO segments.jobs (id, payload) SELECT gen_random_uuid(), '{}' FROM generate_series(1, %s)"
_CLAIM = """
WITH lane AS (UPDATE segments.lanes SET next = next + %(most)s WHERE name = 'noop' RETURNING next - %(most)s AS first),
     claim AS (INSERT INTO segments.claims (first, last) SELECT first, first + %(most)s - 1 FROM lane)
SELECT j.seq, j.id, j.payload::text FROM lane
CROSS JOIN LATERAL (SELECT * FROM segments.jobs j WHERE j.seq >= lane.first AND j.seq < lane.first + %(most)s
                    ORDER BY j.seq) AS j
"""
_END = "INSERT INTO segments.ends (first, last) VALUES (%s, %s)"


def drain(url: str, prefetch: int) -> float:
    """Jobs a second: claim a batch, complete it, with the worker's own statements over one connection."""
    worker = uuid4()
    with connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO mesh.workers (id, name, types, expires_at) "
            "VALUES (%s, 'raw', '{noop}', now() + interval '1 hour')",
            (worker,),
        )
        claim = {"worker": worker, "types": ["noop"], "most": prefetch, "sleepy": False, "alone": True, "named": None}
        began, done = time.perf_counter(), 0
        lanes = connection.execute(_SQL["lane_floors"].sql, {"types": ["noop"], "alone": True}).fetchone()
        floors = list((lanes or ([],))[0])
        while jobs := connection.execute(_SQL["claim_batch"].sql, claim | {"floors": floors}, binary=True).fetchall():
            ends = {"token": jobs[0][0], "ids": [job[1] for job in jobs], "results": None, "durations": [0] * len(jobs)}
            connection.execute(_SQL["complete_jobs"].sql, ends, binary=True)
            done += len(jobs)
            floors[0] = max(job[11] for job in jobs)  # as a worker does
        return done / (time.perf_counter() - began)


def append_only(url: str, jobs: int, batch: int) -> float:
    """Jobs a second of append-only segments: a cursor, a claim record and an end record per batch, nothing deleted."""
    with connect(url, autocommit=True) as connection:
        connection.execute(SEGMENTS.encode())
        connection.execute(_FILL, (jobs,))
        connection.execute("VACUUM ANALYZE segments.jobs")
        done, began = 0, time.perf_counter()
        while rows := connection.execute(_CLAIM, {"most": batch}, binary=True).fetchall():
            connection.execute(_END, (rows[0][0], rows[-1][0]))
            done += len(rows)
        return done / (time.perf_counter() - began)


def copy(url: str, lines: list[str]) -> float:
    """Jobs a second by COPY of ready lines into the twin."""
    with connect(url) as connection:
        began = time.perf_counter()
        with connection.cursor().copy(f"COPY twin.jobs ({_COLUMNS}) FROM STDIN".encode()) as target:
            for line in lines:
                target.write(line)
        connection.commit()
        return len(lines) / (time.perf_counter() - began)


def insert(connection: psycopg.Connection[Any], table: str) -> None:
    """One job by a bare INSERT, committed, for who is in autocommit."""
    connection.execute(
        f"INSERT INTO {table} (id, job_type, priority, payload, payload_version, user_id)"
        " VALUES (%s, 'noop', 0, '{}', 1, NULL) RETURNING id".encode(),
        (uuid4(),),
    )
