from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pydantic import BaseModel

from mesh_runtime.queue import (
    Gate,
    HandlerError,
    InvalidJobError,
    JobContext,
    NewJob,
    PayloadError,
    UnknownJobTypeError,
    by_type,
    enqueue,
    enqueue_async,
    enqueue_dbapi,
    enqueue_many,
    enqueue_many_async,
    job,
    register_types,
    register_types_async,
)

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

Connection = psycopg.Connection[Any]


class Thumbnail(BaseModel):
    post_id: int
    sizes: list[int] = [64]


@job("make_thumbnail", payload=Thumbnail, version=2)
def make_thumbnail(payload: Thumbnail, context: JobContext) -> None: ...


def test_a_job_exists_once_the_callers_transaction_commits(connection: Connection, rows: Rows) -> None:
    job_id = enqueue(connection, "process_image", {"post": 1}, priority=3, user_id="7")
    assert rows("SELECT count(*) FROM mesh.jobs") == [(0,)]
    connection.commit()
    assert rows("SELECT id, job_type, status, payload, priority, user_id, attempts FROM background_jobs") == [
        (job_id, "process_image", "pending", {"post": 1}, 3, "7", 0)
    ]


def test_a_job_never_exists_when_the_caller_rolls_back(connection: Connection, rows: Rows) -> None:
    enqueue(connection, "process_image", {})
    enqueue_many(connection, [NewJob(job_type="process_image", payload={}) for _ in range(10)])
    connection.rollback()
    assert rows("SELECT count(*) FROM mesh.jobs") == [(0,)]


def test_many_jobs_are_not_committed_by_enqueuing_them(connection: Connection, rows: Rows) -> None:
    ids = enqueue_many(connection, [NewJob(job_type="process_image", payload={"n": n}) for n in range(10)])
    assert rows("SELECT count(*) FROM mesh.jobs") == [(0,)]
    connection.commit()
    assert [row[0] for row in rows("SELECT id FROM mesh.jobs ORDER BY seq")] == ids
    assert [row[0]["n"] for row in rows("SELECT payload FROM mesh.jobs ORDER BY id")] == list(range(10))


def test_no_jobs_are_enqueued_without_a_word_to_the_database(connection: Connection) -> None:
    assert enqueue_many(connection, []) == []


def test_ids_are_uuids_of_version_7(connection: Connection) -> None:
    single = enqueue(connection, "process_image", {})
    (copied,) = enqueue_many(connection, [NewJob(job_type="process_image", payload={})])
    assert [single.version, copied.version] == [7, 7]


def test_a_handler_checks_its_payload_and_makes_its_type_known(auto: Connection, rows: Rows) -> None:
    enqueue(auto, make_thumbnail, Thumbnail(post_id=1))
    enqueue(auto, make_thumbnail, {"post_id": "2", "sizes": [32]})
    enqueue_many(auto, [NewJob(job_type=make_thumbnail, payload={"post_id": 3})])
    assert rows("SELECT payload, payload_version FROM mesh.jobs ORDER BY seq") == [
        ({"post_id": 1, "sizes": [64]}, 2),
        ({"post_id": 2, "sizes": [32]}, 2),
        ({"post_id": 3, "sizes": [64]}, 2),
    ]


def test_a_payload_that_the_model_refuses_is_named_without_its_value(auto: Connection) -> None:
    with pytest.raises(PayloadError, match=r"payload of make_thumbnail is invalid: post_id: .*integer") as raised:
        enqueue(auto, make_thumbnail, {"post_id": "secret"})
    assert "secret" not in str(raised.value)


def test_an_unknown_type_is_refused_with_a_remedy(auto: Connection, rows: Rows) -> None:
    with pytest.raises(UnknownJobTypeError, match=r"unknown job type: 'proces_image'\n.*spelling"):
        enqueue(auto, "proces_image", {})
    batch = [NewJob(job_type="process_image", payload={}), NewJob(job_type="nope", payload={})]
    with pytest.raises(UnknownJobTypeError, match="'nope'"):
        enqueue_many(auto, batch)
    assert rows("SELECT count(*) FROM mesh.jobs") == [(0,)]


def test_a_registered_type_may_be_enqueued_by_name(auto: Connection, rows: Rows) -> None:
    register_types(auto, [make_thumbnail])
    enqueue(auto, "make_thumbnail", {"post_id": 1})
    assert rows("SELECT job_type FROM mesh.jobs") == [("make_thumbnail",)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"priority": 11}, "the priority is 11; it must be 0 to 10"),
        ({"priority": -1}, "the priority is -1"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"delay": timedelta(seconds=-1)}, "the delay is negative"),
        ({"run_at": datetime(2030, 1, 1)}, "run_at has no time zone"),  # noqa: DTZ001  the point of the test
        ({"run_at": "2030-01-01T00:00Z"}, "run_at is of type str; it must be a datetime"),
        ({"delay": 5}, "delay is of type int; it must be a timedelta"),
        ({"delay": timedelta.max}, "a time is longer than a hundred years"),
        ({"timeout": 5}, "timeout is of type int; it must be a timedelta"),
        ({"priority": "high"}, "priority is of type str; it must be a whole number"),
        ({"priority": 1.5}, "priority is of type float"),
        ({"user_id": 42}, "process_image: user_id is of type int; it must be a str"),
        ({"unique_key": 42}, "unique_key is of type int"),
        ({"gate": 42}, "gate is of type int; it must be a Gate or the key of one"),
        ({"after": "01a20201"}, "after is of type str; it must be a list"),
        ({"after": ["01a20201"]}, "after holds a str; it takes ids"),
    ],
)
def test_options_that_cannot_be_are_named_before_anything_is_sent(
    connection: Connection, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidJobError, match=message):
        enqueue(connection, "process_image", {}, **options)
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_a_function_that_is_no_handler_is_refused(connection: Connection) -> None:
    said = r"the job type is of type function(.|\n)*@job"
    with pytest.raises(InvalidJobError, match=said):
        enqueue(connection, daily_report, {})  # type: ignore[arg-type]
    with pytest.raises(InvalidJobError, match=said):
        enqueue_many(connection, [NewJob(daily_report, {})])  # type: ignore[arg-type]


def daily_report() -> None:
    """Somebody forgot to decorate it."""


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"text": "x" * 2**21}, r"has 2,097,\d+ bytes; at most 1,048,576"),
        ({"text": "a\0b"}, "NUL"),
        ({"text": "a\\\0b"}, "NUL"),
        ({"x": float("nan")}, "the number NaN"),
        ({"x": [-float("inf")]}, "the number -Infinity"),
        ({"what": object()}, "cannot be written as JSON"),
        ([1, 2], "must be an object"),
    ],
)
def test_payloads_that_cannot_be_stored_are_refused(connection: Connection, payload: Any, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        enqueue(connection, "process_image", payload)


def test_later_jobs_are_scheduled_by_the_databases_clock(auto: Connection, rows: Rows) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    enqueue(auto, "process_image", {}, delay=timedelta(hours=1))
    enqueue_many(auto, [NewJob(job_type="process_image", payload={}, run_at=later)])
    enqueue(auto, "process_image", {}, run_at=later - timedelta(days=2))
    assert rows(
        "SELECT status, round(extract(epoch FROM scheduled_for - now()) / 3600) FROM background_jobs ORDER BY 2"
    ) == [
        ("pending", -24),
        ("scheduled", 1),
        ("scheduled", 24),
    ]


def test_sql_enqueues_too(rows: Rows) -> None:
    rows("SELECT mesh.enqueue('sync_like_count', '{\"post_id\": 1}', priority => 5, delay => '2 seconds')")
    assert rows("SELECT job_type, status, priority FROM background_jobs") == [("sync_like_count", "scheduled", 5)]


def test_a_new_job_takes_its_type_and_payload_by_position() -> None:
    assert NewJob("process_image", {"id": 1}).payload == {"id": 1}


def test_sql_takes_null_as_the_default(rows: Rows) -> None:
    rows("SELECT mesh.enqueue('process_image', NULL, NULL, max_attempts => NULL)")
    assert rows("SELECT payload, priority, max_attempts FROM mesh.jobs") == [({}, 0, 3)]


def test_a_job_of_its_own_timeout_and_id(auto: Connection, rows: Rows) -> None:
    wanted = NewJob(job_type="process_image", payload={}).id
    assert enqueue(auto, "process_image", {}, id=wanted, timeout=timedelta(minutes=1)) == wanted
    assert rows("SELECT id, timeout_ms FROM mesh.jobs") == [(wanted, 60_000)]


@pytest.mark.parametrize(
    "call",
    [
        "",
        "'{}', delay => '-1 second'",
        "'[]'",
        "'{}', 11",
        "'{}', max_attempts => 0",
        "'{}', timeout_ms => 0",
        "'{}', run_at => 'infinity'",
        "'{}', run_at => '-infinity'",
        "'{}', unique_key => repeat('x', 1001)",
        "'{}', debounce_key => repeat('ß', 501)",
    ],
)
def test_sql_is_told_what_cannot_be(rows: Rows, call: str) -> None:
    arguments = f"'process_image', {call}" if call else "'nope'"
    with pytest.raises(psycopg.Error) as raised:
        rows(f"SELECT mesh.enqueue({arguments})")
    assert raised.value.sqlstate == "PT422"


def test_the_longest_keys_keep_no_other_job_from_being_promoted(rows: Rows) -> None:
    noise = "SELECT left(string_agg(md5(n::text), ''), 1000) FROM generate_series(1, 40) AS n"
    rows(f"SELECT mesh.define_gate(({noise}), 1)")
    rows(f"SELECT mesh.enqueue('process_image', debounce_key => ({noise}), delay => '1 microsecond')")
    rows(f"SELECT mesh.enqueue('process_image', unique_key => ({noise}), gate => ({noise}), delay => '1 microsecond')")
    rows("SELECT mesh.enqueue('process_image', delay => '1 microsecond')")
    rows("SELECT mesh.tick()")
    assert rows("SELECT status, count(*) FROM mesh.jobs GROUP BY 1") == [("pending", 3)]


def test_sql_refuses_a_payload_that_is_too_large(rows: Rows) -> None:
    rows("SELECT mesh.enqueue('process_image', jsonb_build_object('x', repeat('x', 1048000)))")
    with pytest.raises(psycopg.Error, match="larger than 1 MiB"):
        rows("SELECT mesh.enqueue('process_image', jsonb_build_object('x', repeat('x', 2097152)))")


def test_each_move_into_the_queue_is_counted(auto: Connection, rows: Rows) -> None:
    enqueue(auto, "process_image", {})
    enqueue(auto, "process_image", {}, unique_key="k")
    enqueue(auto, "process_image", {}, unique_key="k")
    enqueue_many(auto, [NewJob(job_type="process_image", payload={}, delay=timedelta(hours=n)) for n in (0, 1, 2)])
    assert rows("SELECT source, target, sum(count)::int FROM mesh.job_moves GROUP BY 1, 2 ORDER BY 2") == [
        (None, "pending", 3),
        (None, "scheduled", 2),
    ]


def test_async_connections_enqueue_the_same_way(database_url: str, rows: Rows) -> None:
    async def use() -> list[Any]:
        async with await psycopg.AsyncConnection.connect(database_url) as opened:
            await register_types_async(opened, [make_thumbnail])
            one = await enqueue_async(opened, make_thumbnail, {"post_id": 1}, gate=Gate("g", 1))
            many = await enqueue_many_async(
                opened,
                [
                    NewJob(job_type="process_image", payload={}),
                    NewJob(job_type="process_image", payload={}, unique_key="k"),
                ],
            )
            with pytest.raises(UnknownJobTypeError):
                await enqueue_async(opened, "nope", {})
            await opened.rollback()
            assert await enqueue_many_async(opened, []) == []
            return [await enqueue_async(opened, make_thumbnail, {"post_id": 2}), one, *many]

    kept, *_ = asyncio.run(use())
    assert rows("SELECT id FROM mesh.jobs") == [(kept,)]


class Foreign:
    """A connection of a driver with another paramstyle, which keeps what it is asked to run."""

    def __init__(self, connection: Connection, style: str) -> None:
        self._cursor = connection.cursor()
        self._style = style

    def cursor(self) -> Foreign:
        return self

    def execute(self, operation: str, parameters: Any) -> None:
        mark = {"qmark": r"\?", "format": "%s", "numeric": r":(\d+)", "named": r"(?<!:):([a-z]\w*)"}[self._style]
        if self._style == "numeric":
            assert [int(place) for place in re.findall(mark, operation)] == list(range(1, len(parameters) + 1))
        written = re.sub(mark, r"%(\1)s" if self._style == "named" else "%s", operation)
        self._cursor.execute(written.encode(), parameters)

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def close(self) -> None: ...


@pytest.mark.parametrize("style", ["qmark", "format", "numeric", "named"])
def test_any_driver_enqueues_in_its_own_transaction(connection: Connection, rows: Rows, style: str) -> None:
    parent = enqueue_dbapi(connection, "process_image", {"n": 1})  # psycopg is a DB-API driver itself
    own = Foreign(connection, style)
    due = datetime.now(UTC) + timedelta(days=1)
    options: Any = {"after": [parent], "run_at": due, "delay": timedelta(seconds=1.5), "gate": Gate("g", rate=2.5)}
    job_id = enqueue_dbapi(own, make_thumbnail, {"post_id": 1}, paramstyle=style, unique_key="k", **options)
    assert rows("SELECT id FROM mesh.jobs") == []
    connection.commit()
    assert rows("SELECT payload, run_at, parents, gate, unique_key FROM mesh.jobs WHERE id = %s", job_id) == [
        ({"post_id": 1, "sizes": [64]}, due + timedelta(seconds=1.5), [parent], "g", "k")
    ]


def test_a_driver_that_says_nothing_of_its_parameters_is_asked_about(connection: Connection) -> None:
    with pytest.raises(InvalidJobError, match=r"Foreign does not say.*\n.*paramstyle="):
        enqueue_dbapi(Foreign(connection, "qmark"), "process_image", {})
    with pytest.raises(InvalidJobError, match="'odd' is no paramstyle"):
        enqueue_dbapi(Foreign(connection, "qmark"), "process_image", {}, paramstyle="odd")


def test_two_handlers_of_one_type_are_refused() -> None:
    with pytest.raises(HandlerError, match="two handlers claim the job type 'make_thumbnail'"):
        by_type([make_thumbnail, make_thumbnail])


def test_a_type_must_have_a_plain_name() -> None:
    with pytest.raises(HandlerError, match="snake_case"):
        job("Make Thumbnail")
    with pytest.raises(HandlerError, match="lacks the name"):
        job(daily_report)  # type: ignore[arg-type]


def test_a_handler_takes_a_payload_and_a_context() -> None:
    with pytest.raises(HandlerError, match="send_mail: the handler cannot be called with a payload and a context"):
        job("send_mail")(lambda payload: payload)  # type: ignore[arg-type, misc]
    with pytest.raises(HandlerError, match="must be a pydantic model, not <class 'dict'>"):
        job("send_mail", payload=dict)  # type: ignore[arg-type]
    with pytest.raises(HandlerError, match="the timeout must be a timedelta of more than nothing, not 5"):
        job("send_mail", timeout=5)  # type: ignore[arg-type]


def test_a_handler_can_be_called_like_the_function_it_is() -> None:
    @job("double")
    def double(payload: dict[str, int], context: JobContext | None) -> dict[str, int]:
        del context
        return {"twice": payload["n"] * 2}

    assert double({"n": 2}, None) == {"twice": 4}  # type: ignore[arg-type]  it needs no context
