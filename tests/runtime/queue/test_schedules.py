"""Schedules: declared in code and by plug-ins, fired once in a fleet, made up for once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pydantic import BaseModel

from mesh_runtime.database import connect
from mesh_runtime.handlers import HandlerSource
from mesh_runtime.queue import JobContext, PayloadError, job
from mesh_runtime.queue.cron import Schedule, ScheduleError, drop_vanished_plugins, set_schedule, sync_schedules

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.settings import Settings

Connection = psycopg.Connection[Any]
TYPE = "cleanup_expired"


class Sweep(BaseModel):
    days: int


@job("sweep", payload=Sweep, version=3)
def sweep(payload: Sweep, context: JobContext) -> None:
    """Nothing."""


def daily(name: str = "nightly", cron: str = "@daily", **more: Any) -> Schedule:
    return Schedule(name=name, cron=cron, job=TYPE, **more)


def make_due(rows: Rows, ago: str = "1 minute", name: str = "nightly") -> None:
    rows("UPDATE mesh.schedules SET next_at = date_trunc('minute', now()) - %s::interval WHERE name = %s", ago, name)


def jobs(rows: Rows) -> int:
    count: int = rows("SELECT count(*) FROM mesh.jobs")[0][0]
    return count


def test_a_schedule_that_is_due_enqueues_its_job_and_notes_the_time(auto: Connection, rows: Rows) -> None:
    set_schedule(auto, Schedule(name="nightly", cron="* * * * *", job=sweep, payload={"days": 3}, priority=7))
    rows("SELECT mesh.tick()")
    assert jobs(rows) == 0
    make_due(rows)
    rows("SELECT mesh.tick()")
    assert rows("SELECT job_type, payload, payload_version, priority FROM mesh.jobs") == [("sweep", {"days": 3}, 3, 7)]
    assert rows("SELECT schedule, job_id = (SELECT id FROM mesh.jobs) FROM mesh.schedule_runs") == [("nightly", True)]
    assert rows("SELECT next_at > now() FROM mesh.schedules") == [(True,)]


def test_two_ticks_at_once_fire_a_schedule_once(auto: Connection, rows: Rows, database_url: str) -> None:
    names = [f"s{n}" for n in range(20)]
    for name in names:
        set_schedule(auto, daily(name, "* * * * *"))
        make_due(rows, name=name)
    barrier = threading.Barrier(4)

    def tick() -> None:
        with connect(database_url, autocommit=True) as mine:
            barrier.wait()
            for _ in range(3):
                mine.execute("SELECT mesh.tick()")

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A minute may begin meanwhile, and is a firing of its own.
    assert rows("SELECT count(*) - count(DISTINCT (schedule, fire_at)) FROM mesh.schedule_runs") == [(0,)]
    assert rows("SELECT count(DISTINCT schedule) FROM mesh.schedule_runs") == [(20,)]
    assert jobs(rows) == rows("SELECT count(*) FROM mesh.schedule_runs")[0][0]


def test_a_tick_that_comes_while_another_is_not_committed_leaves_the_schedule_to_it(
    auto: Connection, rows: Rows, database_url: str
) -> None:
    set_schedule(auto, daily(cron="* * * * *"))
    make_due(rows)
    with connect(database_url) as slow:
        slow.execute("SELECT mesh.tick()")
        rows("SELECT mesh.tick()")
        assert jobs(rows) == 0
        slow.commit()
    rows("SELECT mesh.fire_schedules()")
    assert jobs(rows) == rows("SELECT count(*) FROM mesh.schedule_runs")[0][0] >= 1


def test_a_firing_that_was_noted_before_comes_no_second_time(auto: Connection, rows: Rows) -> None:
    set_schedule(auto, daily(cron="0 0 * * *"))
    make_due(rows, "1 day")
    rows("SELECT mesh.fire_schedules()")
    rows("UPDATE mesh.schedules SET next_at = (SELECT fire_at FROM mesh.schedule_runs)")
    rows("SELECT mesh.fire_schedules()")
    assert jobs(rows) == 1


def test_what_was_missed_collapses_into_its_latest_time(auto: Connection, rows: Rows) -> None:
    set_schedule(auto, daily(cron="*/5 * * * *"))
    make_due(rows, "3 days")
    assert rows("SELECT mesh.fire_schedules()") == [(1,)]
    assert rows("SELECT now() - fire_at < interval '6 minutes' FROM mesh.schedule_runs") == [(True,)]


def test_what_was_missed_more_than_a_day_ago_is_let_go(auto: Connection, rows: Rows) -> None:
    set_schedule(auto, daily(cron="0 0 1 1 *"))
    rows("UPDATE mesh.schedules SET next_at = mesh.cron_next('0 0 1 1 *', 'UTC', now() - interval '1 year')")
    assert rows("SELECT mesh.fire_schedules()") == [(0,)]
    assert rows("SELECT next_at > now() FROM mesh.schedules") == [(True,)]


def test_a_schedule_that_cannot_be_fired_says_so_and_stops_no_other(auto: Connection, rows: Rows) -> None:
    sync_schedules(auto, [daily("broken", "* * * * *"), daily("sound", "* * * * *")])
    rows("UPDATE mesh.schedules SET job_type = 'nowhere' WHERE name = 'broken'")
    rows("UPDATE mesh.schedules SET next_at = date_trunc('minute', now())")
    rows("SELECT mesh.fire_schedules()")
    assert rows("SELECT name, last_error FROM mesh.schedules ORDER BY 1") == [
        ("broken", "unknown job type: 'nowhere'"),
        ("sound", None),
    ]
    assert jobs(rows) == 1


def test_a_paused_schedule_does_not_fire_and_makes_up_for_nothing(auto: Connection, rows: Rows) -> None:
    set_schedule(auto, daily(cron="*/5 * * * *"))
    assert rows("SELECT mesh.pause_schedule('nightly')") == [(True,)]
    make_due(rows, "1 hour")
    set_schedule(auto, daily(cron="*/5 * * * *"))
    rows("SELECT mesh.tick()")
    rows("SELECT mesh.pause_schedule('nightly', false)")
    rows("SELECT mesh.fire_schedules()")
    assert jobs(rows) == 0
    assert rows("SELECT mesh.pause_schedule('nobody')") == [(False,)]


def test_a_schedule_that_is_declared_again_keeps_what_it_missed_unless_it_changed(auto: Connection, rows: Rows) -> None:
    set_schedule(auto, daily())
    make_due(rows, "1 hour")
    set_schedule(auto, daily(payload={"more": True}))
    assert rows("SELECT next_at < now(), payload FROM mesh.schedules") == [(True, {"more": True})]
    set_schedule(auto, daily(cron="@hourly"))
    assert rows("SELECT next_at > now() FROM mesh.schedules") == [(True,)]


def test_what_a_source_declares_no_more_is_removed(auto: Connection, rows: Rows) -> None:
    set_schedule(auto, daily("mine"), source="cli")
    sync_schedules(auto, [daily("a"), daily("b")])
    sync_schedules(auto, [daily("b")])
    assert rows("SELECT name FROM mesh.schedules ORDER BY 1") == [("b",), ("mine",)]
    assert rows("SELECT mesh.remove_schedule('mine'), mesh.remove_schedule('mine')") == [(True, False)]


def test_a_source_takes_no_schedule_of_another(auto: Connection) -> None:
    set_schedule(auto, daily(), source="cli")
    with pytest.raises(ScheduleError, match="declared by another source"):
        set_schedule(auto, daily())


def test_a_sync_that_fails_changes_nothing(auto: Connection, rows: Rows) -> None:
    sync_schedules(auto, [daily("a")])
    with pytest.raises(ScheduleError, match="cron: hour: '25'"):
        sync_schedules(auto, [daily("b"), daily("c", "0 25 * * *")])
    assert rows("SELECT name FROM mesh.schedules") == [("a",)]


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (daily("Not A Name"), "its name is not in snake_case"),
        (daily(priority=11), "its name, priority or max_attempts"),
        (daily(timezone="Mars/Olympus"), "time zone 'Mars/Olympus' is not known"),
        (Schedule(name="a", cron="@daily", job="nowhere"), "unknown job type: 'nowhere'"),
    ],
)
def test_what_cannot_be_is_refused(auto: Connection, schedule: Schedule, said: str) -> None:
    with pytest.raises(ScheduleError, match=said) as caught:
        set_schedule(auto, schedule)
    assert caught.value.problems[0].remedy


def test_the_handler_checks_the_payload(auto: Connection) -> None:
    with pytest.raises(PayloadError):
        set_schedule(auto, Schedule(name="a", cron="@daily", job=sweep, payload={"days": "x"}))


def test_a_plug_in_that_is_gone_loses_its_schedules_unless_somebody_runs_their_jobs(
    auto: Connection, rows: Rows, worker_id: str
) -> None:
    sync_schedules(auto, [daily("gone")], source="plugin:gone")
    sync_schedules(auto, [daily("here")], source="plugin:here")
    rows("UPDATE mesh.workers SET types = ARRAY[%s] WHERE id = %s", TYPE, worker_id)
    drop_vanished_plugins(auto, ["here"])
    assert rows("SELECT count(*) FROM mesh.schedules") == [(2,)]
    rows("DELETE FROM mesh.workers")
    drop_vanished_plugins(auto, ["here"])
    assert rows("SELECT name FROM mesh.schedules") == [("here",)]


PLUGIN = """
from mesh_runtime.queue import job
from mesh_runtime.queue.cron import Schedule

@job("greet")
def greet(payload, context):
    pass

HOURLY = Schedule(name="greet_hourly", cron="@hourly", job=greet)
"""

DESCRIPTOR = """
kind = "jobs"
type = "greeter"
version = "1.0"
label = "Greeter"
entry = ["main"]

[[schedules]]
name = "greet_daily"
cron = "30 6 * * *"
timezone = "Europe/Berlin"
job = "greet"
payload = { name = "you" }
"""


def declare(auto: Connection, settings: Settings) -> None:
    HandlerSource(settings).declare_schedules(auto)


def test_a_plug_in_declares_schedules_in_its_descriptor_and_in_its_code(
    auto: Connection, rows: Rows, settings: Settings
) -> None:
    folder = settings.project / "plugins" / "greeter"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(PLUGIN)
    (folder / "plugin.toml").write_text(DESCRIPTOR)
    declare(auto, settings)
    assert rows(
        "SELECT name, source, cron, timezone, payload FROM mesh.schedules WHERE source <> 'mesh' ORDER BY 1"
    ) == [
        ("greet_daily", "plugin:greeter", "30 6 * * *", "Europe/Berlin", {"name": "you"}),
        ("greet_hourly", "plugin:greeter", "@hourly", "UTC", {}),
    ]


def test_a_plug_in_s_bad_schedule_is_reported_and_stops_no_other(
    auto: Connection, rows: Rows, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    folder = settings.project / "plugins" / "typo"
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(DESCRIPTOR.replace('entry = ["main"]', "").replace('"greet"', '"gret"'))
    declare(auto, settings)
    assert "unknown job type: 'gret'" in caplog.text
    assert rows("SELECT count(*) > 0 FROM mesh.schedules WHERE source = 'mesh'") == [(True,)]
