"""Cron expressions as the database reads them, against cronsim, which does as Debian's cron does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg
import pytest
from cronsim import CronSim
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

NEW_YORK = "America/New_York"  # in 2024: the clock skips 10 March 2:00 to 3:00, and repeats 3 November 1:00 to 2:00
ZONES = ("UTC", NEW_YORK, "Europe/Berlin", "Asia/Kolkata", "America/Havana", "Africa/Cairo", "America/Sao_Paulo")


def next_times(rows: Rows, cron: str, zone: str, after: str, count: int = 1) -> list[str]:
    """The next times, on the clock of the zone, with its offset."""
    found, moment = [], datetime.fromisoformat(after)
    for _ in range(count):
        moment = rows("SELECT mesh.cron_next(%s, %s, %s)", cron, zone, moment)[0][0]
        found.append(moment.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes"))
    return found


def terms(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    ranges = st.tuples(number, number).filter(lambda ab: ab[0] < ab[1])
    step = st.integers(1, high - low)
    return st.one_of(
        number.map(str),
        ranges.map(lambda ab: f"{ab[0]}-{ab[1]}"),
        st.tuples(ranges, step).map(lambda r: f"{r[0][0]}-{r[0][1]}/{r[1]}"),
        st.tuples(number, step).map(lambda r: f"{r[0]}/{r[1]}"),
    )


def a_field(low: int, high: int) -> st.SearchStrategy[str]:
    lists = st.lists(terms(low, high), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), st.integers(1, high - low).map(lambda n: f"*/{n}"), lists)


EXPRESSIONS = st.tuples(a_field(0, 59), a_field(0, 23), a_field(1, 28), a_field(1, 12), a_field(0, 7)).map(" ".join)
CHANGES = st.sampled_from(
    ["2024-03-10 07:00", "2024-11-03 06:00", "2024-03-31 01:00", "2024-10-27 01:00", "2017-10-15 03:00"]
)
START = datetime(2010, 1, 1, tzinfo=UTC)
MOMENTS = st.one_of(
    st.integers(0, 16 * 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes)),
    st.tuples(CHANGES, st.integers(-300, 300)).map(
        lambda c: datetime.fromisoformat(c[0] + "Z") + timedelta(minutes=c[1])
    ),
)


@given(EXPRESSIONS, st.sampled_from(ZONES), MOMENTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_next_time_is_the_one_that_cronsim_says(rows: Rows, cron: str, zone: str, after: datetime) -> None:
    times = CronSim(cron, after if zone == "UTC" else after.astimezone(ZoneInfo(zone)))
    # cronsim begins with the wall clock, and so may begin with what has been when the clock shows an hour twice.
    expected = next(moment for moment in times if moment.astimezone(UTC) > after)
    assert rows("SELECT mesh.cron_next(%s, %s, %s)", cron, zone, after)[0][0] == expected.astimezone(UTC)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("@hourly", "2024-05-15T11:00+00:00"),
        ("@daily", "2024-05-16T00:00+00:00"),
        ("@midnight", "2024-05-16T00:00+00:00"),
        ("@weekly", "2024-05-19T00:00+00:00"),
        ("@monthly", "2024-06-01T00:00+00:00"),
        ("@yearly", "2025-01-01T00:00+00:00"),
        ("0 9 * * mon-fri", "2024-05-16T09:00+00:00"),
        ("0 0 * FEB sun", "2025-02-02T00:00+00:00"),
        ("0 0 * * 7", "2024-05-19T00:00+00:00"),
        ("0 0 13 * 5", "2024-05-17T00:00+00:00"),  # the 13th, or a Friday
        ("0 0 */2 * 5", "2024-05-17T00:00+00:00"),  # an odd day that is a Friday
        ("0 0 29 2 *", "2028-02-29T00:00+00:00"),
        ("  5,10   12  * * *  ", "2024-05-15T12:05+00:00"),
    ],
)
def test_names_nicknames_and_days(rows: Rows, cron: str, expected: str) -> None:
    assert next_times(rows, cron, "UTC", "2024-05-15 10:30+00:00") == [expected]


def test_a_time_that_the_clock_skips_comes_once_at_the_end_of_the_gap(rows: Rows) -> None:
    assert next_times(rows, "15,45 2 * * *", NEW_YORK, "2024-03-09 12:00+00:00", 3) == [
        "2024-03-10T03:00-04:00",
        "2024-03-11T02:15-04:00",
        "2024-03-11T02:45-04:00",
    ]


def test_a_time_that_the_clock_shows_twice_comes_the_first_time(rows: Rows) -> None:
    assert next_times(rows, "30 1 * * *", NEW_YORK, "2024-11-02 12:00+00:00", 2) == [
        "2024-11-03T01:30-04:00",
        "2024-11-04T01:30-05:00",
    ]


def test_a_frequent_schedule_goes_on_through_both_showings(rows: Rows) -> None:
    assert next_times(rows, "*/30 * * * *", NEW_YORK, "2024-11-03 05:00+00:00", 4) == [
        "2024-11-03T01:30-04:00",
        "2024-11-03T01:00-05:00",
        "2024-11-03T01:30-05:00",
        "2024-11-03T02:00-05:00",
    ]


def test_a_clock_that_changes_by_half_an_hour_and_a_day_that_never_was(rows: Rows) -> None:
    assert next_times(rows, "0 * * * *", "Australia/Lord_Howe", "2024-10-05 14:00+00:00", 3) == [
        "2024-10-06T01:00+10:30",
        "2024-10-06T03:00+11:00",
        "2024-10-06T04:00+11:00",
    ]
    assert next_times(rows, "0 12 * * *", "Pacific/Apia", "2011-12-29 23:00+00:00", 2) == [
        "2011-12-31T00:00+14:00",
        "2011-12-31T12:00+14:00",
    ]


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("60 * * * *", "cron: minute: '60' is not between 0 and 59"),
        ("* 24 * * *", "cron: hour: '24' is not between 0 and 23"),
        ("* * 0 * *", "cron: day of month: '0' is not between 1 and 31"),
        ("* * * foo *", "cron: month: 'foo' is not between 1 and 12"),
        ("* * * * 8", "cron: day of week: '8' is not between 0 and 7"),
        ("*/0 * * * *", "cron: minute: '*/0' cannot be read"),
        ("1-2-3 * * * *", "cron: minute: '1-2-3' cannot be read"),
        ("1,,2 * * * *", "cron: minute: '' cannot be read"),
        (", * * * *", "cron: minute: '' cannot be read"),
        ("30-10 * * * *", "cron: minute: the range '30-10' ends before it begins"),
        ("99999999999 * * * *", "cron: minute: '99999999999' is not between 0 and 59"),
        ("* * * *", "cron: '* * * *' has not five fields"),
        ("0 * * * * *", "cron: '0 * * * * *' has not five fields"),
        ("@reboot", "cron: '@reboot' has not five fields"),
        ("", "cron: '' has not five fields"),
        ("0 0 30 2 *", "cron: '0 0 30 2 *' never comes"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field_s_name(rows: Rows, cron: str, said: str) -> None:
    with pytest.raises(psycopg.DatabaseError) as caught:
        rows("SELECT mesh.cron_next(%s, 'UTC', now())", cron)
    assert (caught.value.sqlstate, caught.value.diag.message_primary) == ("PT422", said)


def test_an_unknown_time_zone_is_refused(rows: Rows) -> None:
    with pytest.raises(psycopg.DatabaseError, match="the time zone 'Mars/Olympus' is not known") as caught:
        rows("SELECT mesh.cron_next('@daily', 'Mars/Olympus', now())")
    assert caught.value.sqlstate == "PT422"
