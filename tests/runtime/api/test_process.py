"""Jobs run inside a request, within its budget."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import psycopg
    from tests.runtime.api.conftest import Host

    from mesh_runtime.settings import Settings

CRON = "cron-secret-ü"
DESCRIPTOR = 'kind = "jobs"\ntype = "work"\nversion = "1.0"\nlabel = "Jobs"\nentry = ["main"]\n'
HANDLERS = """
import asyncio
import time
from mesh_runtime.queue import job

@job("quick")
def quick(payload, context):
    if payload.get("fail"):
        raise ValueError("no")

@job("endless")
async def endless(payload, context):
    await asyncio.sleep(3600)

@job("blocking")
def blocking(payload, context):
    time.sleep(5)

@job("slow")
async def slow(payload, context):
    await asyncio.sleep(0.5)
"""


@pytest.fixture(autouse=True)
def handlers(settings: Settings, auto: psycopg.Connection[Any]) -> None:
    folder = settings.project / "plugins" / "work"
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(DESCRIPTOR)
    (folder / "main.py").write_text(HANDLERS)
    auto.execute("SELECT mesh.register_job_types('{quick,slow,endless,blocking}')")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_runs_what_waits_and_a_failing_job_does_not_stop_the_others(
    host: Host, auto: psycopg.Connection[Any], method: str
) -> None:
    auto.execute(
        "SELECT mesh.enqueue('quick', '{\"fail\": true}'), count(mesh.enqueue('quick')) FROM generate_series(1, 5)"
    )
    answer = host.ask("/api/queue/process", CRON, method=method)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["completed"] == 5
    assert answer.json()["failed"] == 1
    assert answer.json()["budget"] == 8


def test_nothing_to_do_is_no_error(host: Host) -> None:
    assert host.ask("/api/queue/process", CRON).json()["completed"] == 0


def test_it_stops_at_its_budget_and_what_was_not_started_goes_back(host: Host, auto: psycopg.Connection[Any]) -> None:
    auto.execute("SELECT count(mesh.enqueue('slow')) FROM generate_series(1, 200)")
    began = time.monotonic()
    done = host.ask("/api/queue/process?budget=1", CRON).json()
    assert time.monotonic() - began < 8
    assert 0 < done["completed"] < 200
    row = auto.execute("SELECT count(*), (SELECT count(*) FROM mesh.leases) FROM mesh.jobs").fetchone()
    assert row == (200 - done["completed"], 0)


def test_what_runs_when_the_budget_is_used_up_is_ended_and_comes_back_uncounted(
    host: Host, auto: psycopg.Connection[Any]
) -> None:
    auto.execute("SELECT mesh.enqueue('endless')")
    done = host.ask("/api/queue/process?budget=0.5", CRON).json()
    assert done["completed"] == done["failed"] == 0
    assert done["seconds"] < 10
    assert auto.execute("SELECT status, attempts FROM mesh.jobs").fetchall() == [("pending", 0)]


def test_a_thread_that_blocks_does_not_keep_the_answer_waiting(host: Host, auto: psycopg.Connection[Any]) -> None:
    auto.execute("SELECT mesh.enqueue('blocking')")
    done = host.ask("/api/queue/process?budget=0.5", CRON).json()
    assert done["completed"] == 0
    assert done["seconds"] < 5
    for _ in range(3):
        host.ask("/api/queue/process?budget=8", CRON)
    assert auto.execute("SELECT count(*) FROM mesh.history").fetchone() == (1,)


@pytest.mark.parametrize("budget", ["0", "-1", "nan", "inf", "301", "x", ""])
def test_a_budget_that_cannot_be_is_refused(host: Host, budget: str) -> None:
    assert host.ask(f"/api/queue/process?budget={budget}", CRON).status_code == 422
