from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from tests.runtime.queue.chaos.scene import RECORD, Plan, play
from tests.runtime.queue.chaos.storm import Every
from tests.runtime.queue.chaos.verdict import problems

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_over_its_limit_while_everything_is_killed(tmp_path: Path) -> None:
    report = play(Plan(seconds=15, backlog=800, every=Every(restart=6, freeze=4)), tmp_path)
    print(report.figures)
    assert report.problems == []
    for deed in ("kill", "drop", "ghost", "freeze", "thaw", "restart"):
        assert report.figures[deed] > 0, f"no {deed} happened"
    assert report.figures["completed"] > 0


JOB, OTHER = UUID(int=1), UUID(int=2)
ENDED = """
INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, attempts, rescues, token,
                          created_at, errors, parents)
VALUES ('{job}', '{job_type}', '{status}', 0, '{{}}', 1, {attempts}, 0, {token}, now(), {errors}, {parents})
"""
STEP = "INSERT INTO chaos.leases (job_id, token, entered, key) VALUES ('{job}', {token}, {entered}, {key})"
STARTED = "INSERT INTO chaos.starts (job_id, token, pid) VALUES ('{job}', {token}, 1)"
EFFECT = "INSERT INTO chaos.effects VALUES ('{job}', {token})"


def ended(**other: object) -> str:
    usual = {"job": JOB, "job_type": "chaos_plain", "status": "completed", "attempts": 1, "token": 1}
    return ENDED.format(**{**usual, "errors": "NULL", "parents": "NULL", **other})


def step(token: int, *, entered: bool, job: UUID = JOB, key: str = "NULL") -> str:
    return STEP.format(job=job, token=token, entered=entered, key=key)


BROKEN = {
    "a job that cannot fail did not complete": [ended(status="cancelled")],
    "an attempt was counted against a job that cannot fail": [ended(attempts=2, errors="'[{}]'")],
    "a job ended twice": [ended(), ended()],
    "two live leases of a job overlapped": [step(1, entered=True), step(2, entered=True)],
    "a key exceeded its limit": [step(1, entered=True, key="'k'"), step(2, entered=True, job=OTHER, key="'k'")],
    "a handler started without ever having had a lease": [STARTED.format(job=JOB, token=1)],
    "a job started twice under one lease": [STARTED.format(job=JOB, token=1)] * 2,
    "a transactional effect did not happen exactly once": [
        ended(job_type="chaos_once"), *[EFFECT.format(job=JOB, token=1)] * 2
    ],
    "a stale completion was accepted": [
        step(1, entered=True), step(1, entered=False), step(2, entered=True), step(2, entered=False), ended(token=1)
    ],
    "a job completed without having run": [ended()],
    "a child ran before its parents had ended": [
        step(1, entered=True, job=OTHER), step(2, entered=True), step(1, entered=False, job=OTHER),
        ended(parents=f"ARRAY['{OTHER}']::uuid[]"),
    ],
    "the last change of a subject was never seen": ["INSERT INTO chaos.subjects VALUES ('s', 3, 2)"],
    "something is left": ["SELECT mesh.enqueue('process_image')"],
}  # fmt: skip


@pytest.fixture
def recorded(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    connection.execute(RECORD.read_bytes())
    connection.commit()
    connection.autocommit = True
    return connection


@pytest.mark.parametrize("name", BROKEN)
def test_what_would_be_broken_is_found(recorded: psycopg.Connection[Any], name: str) -> None:
    for statement in BROKEN[name]:
        recorded.execute(statement.encode())
    assert any(problem.startswith(f"{name}:") for problem in problems(recorded, []))


def test_nothing_is_found_where_nothing_is_broken(recorded: psycopg.Connection[Any]) -> None:
    assert problems(recorded, []) == []
    assert [problem.split(":")[0] for problem in problems(recorded, [JOB])] == [
        "a job was lost whose commit was answered"
    ]
