"""A worker's connections: silence, servers that take no writes, and what is told over them."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from psycopg import sql
from tests.runtime.queue.conftest import eventually
from tests.runtime.queue.pooler import pooled

from mesh_runtime.database import connect, queries
from mesh_runtime.queue import Counts, Job
from mesh_runtime.queue.crew import Crew
from mesh_runtime.queue.events import Events
from mesh_runtime.queue.heartbeat import Heartbeat
from mesh_runtime.queue.isolated import HandlerProcesses
from mesh_runtime.queue.link import Link, LinkLostError
from mesh_runtime.queue.outbox import Outbox
from mesh_runtime.queue.outcomes import Completed
from mesh_runtime.queue.wakeup import listen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.settings import Settings


def run(url: str, body: Callable[[Link], Awaitable[None]], **options: float) -> None:
    async def linked() -> None:
        link = Link(url, "test", **options)
        try:
            await asyncio.wait_for(body(link), 20)
        finally:
            await link.close()

    asyncio.run(linked())


PREPARED = "SELECT count(*) FROM pg_prepared_statements"


def test_a_statement_is_prepared_once_in_a_session_of_its_own_and_never_through_a_pooler(database_url: str) -> None:
    def found(url: str) -> set[int]:
        counts: set[int] = set()

        async def body(link: Link) -> None:
            for _ in range(6):
                counts.update(row[0] for row in await link.fetch_once(PREPARED, {}))

        run(url, body)
        return counts

    assert found(database_url) == {1}
    with pooled(database_url, 3) as (url, _):
        assert found(url) == {0}


def test_a_statement_that_the_session_has_forgotten_is_asked_again_of_another(database_url: str) -> None:
    async def body(link: Link) -> None:
        assert await link.fetch_once("SELECT %(n)s::integer", {"n": 1}) == [(1,)]
        await link.fetch_once("DO 'BEGIN DEALLOCATE ALL; END'", {})
        with pytest.raises(LinkLostError):
            await link.fetch_once("SELECT %(n)s::integer", {"n": 2})
        assert await link.fetch("SELECT %(n)s::integer", {"n": 3}) == [(3,)]

    run(database_url, body)


def job(token: int, job_id: UUID) -> Job:
    return Job(token, job_id, "process_image", 0, "{}", 1, None, 1, 3, 0, datetime.now(UTC))


def test_a_silent_connection_counts_as_lost_and_another_serves(database_url: str) -> None:
    async def body(link: Link) -> None:
        with pytest.raises(LinkLostError):
            await link.fetch_once("SELECT pg_sleep(60)", {})
        assert link.waited() > 0.2, "no answer has come yet"
        assert await link.fetch("SELECT 1", {}) == [(1,)]
        assert link.waited() == 0

    run(database_url, body, silence=0.3)


def test_an_outage_is_said_in_one_line_and_its_end_in_another(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(link: Link) -> None:
        link.url = "postgresql://127.0.0.1:1/nowhere"
        with pytest.raises(LinkLostError):
            await link.fetch_once("SELECT 1", {})
        link.url = database_url
        await link.fetch_once("SELECT 1", {})
        await link.fetch_once("SELECT 1", {})

    caplog.set_level("INFO", "mesh.queue")
    run(database_url, body)
    lost, back = [record.getMessage() for record in caplog.records]
    assert lost.startswith("test: no answer from the database: ")
    assert "\n" not in lost
    assert back == "test: the database answers again"


def test_a_database_that_takes_no_writes_for_a_while_is_asked_again(rows: Rows, database_url: str) -> None:
    name = sql.Identifier(urlsplit(database_url).path.removeprefix("/")).as_string()
    rows(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    async def body(link: Link) -> None:
        with pytest.raises(LinkLostError):
            await link.fetch_once("INSERT INTO effects VALUES (gen_random_uuid(), 1)", {})
        rows(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        await link.fetch("INSERT INTO effects VALUES (gen_random_uuid(), 1)", {})

    run(database_url, body)
    assert rows("SELECT count(*) FROM effects") == [(1,)]


def test_a_worker_is_registered_again_when_the_first_answer_was_lost(rows: Rows, database_url: str) -> None:
    worker = {"worker": UUID(int=7), "name": "test", "types": ["process_image"], "lease": timedelta(seconds=5)}

    async def body(link: Link) -> None:
        for _ in range(2):
            await link.fetch(queries("queue")["register_worker"].sql, worker)

    run(database_url, body)
    assert rows("SELECT count(*) FROM mesh.workers") == [(1,)]


def test_a_worker_whose_claims_get_no_answer_does_not_look_alive(rows: Rows, worker_id: str, database_url: str) -> None:
    waited = [99.0]
    asked = threading.Event()

    def said() -> float:
        asked.set()
        return waited[0]

    expires = "SELECT expires_at > now() + interval '1 minute' FROM mesh.workers"
    heartbeat = Heartbeat(
        database_url, every=0.05, lease=timedelta(seconds=5), on_lost=lambda _worker: None, waited=said
    )
    heartbeat.renew_for(UUID(worker_id), [], asked=0.0)
    heartbeat.start()
    try:
        assert asked.wait(5)
        assert rows(expires) == [(True,)], "not renewed"
        waited[0] = 0
        eventually(lambda: rows(expires) == [(False,)])
    finally:
        heartbeat.stop()


def test_leases_that_are_lost_while_their_end_is_told_don_t_count_as_told(
    rows: Rows, worker_id: str, database_url: str
) -> None:
    rows("SELECT mesh.enqueue('process_image')")
    ((token, job_id),) = rows("SELECT token, id FROM mesh.claim_batch(%s, '{process_image}', 1)", worker_id)
    outbox = Outbox(Counts())

    async def body(link: Link) -> None:
        outbox.opened(token, 1)
        outbox.add(job(token, job_id), Completed(None, 1))
        with connect(database_url) as holder:
            holder.execute("SELECT FROM mesh.leases FOR UPDATE")
            flush = asyncio.create_task(outbox.flush(link))
            while rows("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(0,)]:
                await asyncio.sleep(0.02)
            assert outbox.untold == 1, "it is on its way"
            outbox.forget()
            outbox.opened(token + 1, 1)
            outbox.add(job(token + 1, job_id), Completed(None, 1))
        await flush

    run(database_url, body)
    assert outbox.untold == 1


def test_a_job_that_waits_for_a_heartbeat_counts_as_running(settings: Settings) -> None:
    def no_connection() -> Any:
        raise AssertionError("no handler runs")

    async def check() -> None:
        answer = asyncio.Event()

        async def may_start(_job: Job) -> bool:
            await answer.wait()
            return False

        crew = Crew(
            settings,
            no_connection,
            handlers={},
            processes=HandlerProcesses(settings, "", None),
            concurrency=1,
            prefetch=1,
            ready=lambda _job: False,
            may_start=may_start,
            on_end=lambda _job, _outcome: False,
        )
        crew.take([job(1, UUID(int=1))])
        await asyncio.sleep(0.01)
        assert (crew.busy, crew.running, crew.room()) == (True, 1, 0)
        answer.set()
        await asyncio.sleep(0.01)
        assert not crew.busy
        await crew.dismiss()

    asyncio.run(check())


def test_listening_begins_again_soon_however_often_it_was_cut_off(rows: Rows, database_url: str) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mesh worker: listen'"

    async def check() -> None:
        events = Events()
        listening = asyncio.create_task(listen(database_url, events))
        for _ in range(6):
            await events.wake.wait()
            events.wake.clear()
            rows(cut)
        await events.wake.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    asyncio.run(asyncio.wait_for(check(), 5))
