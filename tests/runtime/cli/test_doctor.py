"""`mesh doctor queue` finds what slows the queue down, and nothing where nothing does."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mesh_cli.main import main
from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from mesh_runtime.settings import Settings

    Doctor = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def auto(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT mesh.register_job_types('{greet}')")
        yield connection


@pytest.fixture
def doctor(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Runs `mesh doctor queue --json`; its exit code, and the findings by check."""
    monkeypatch.chdir(settings.project)
    monkeypatch.setenv("DATABASE_URL", str(settings.database_url))

    def run(*options: str) -> tuple[int, dict[str, dict[str, Any]]]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["mesh", "doctor", "queue", "--json", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        found = json.loads(capsys.readouterr().out)["findings"]
        return int(ended.value.code or 0), {finding["check"]: finding for finding in found}

    return run


@pytest.mark.usefixtures("auto")
def test_a_queue_that_is_well_has_no_findings(doctor: Doctor) -> None:
    assert doctor() == (0, {})


@pytest.mark.parametrize("statement", ["SELECT 1", "CREATE TABLE held ()"])
def test_a_transaction_that_stays_open_is_found_with_who_holds_it(
    doctor: Doctor, auto: psycopg.Connection[Any], database_url: str, statement: str
) -> None:
    with connect(database_url, application_name="a report") as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute(statement.encode())
        auto.execute("SELECT pg_sleep(0.05)")
        code, found = doctor("--open-for", "10ms")
        assert code == 1
        problem = found["horizon_holders"]
        assert str(holder.info.backend_pid) in problem["message"]
        assert "a report" in problem["message"]
        assert "pg_terminate_backend" in problem["remedy"]
        assert doctor("--open-for", "1h") == (0, {})


def test_dead_rows_of_a_hot_table_are_found(doctor: Doctor, auto: psycopg.Connection[Any]) -> None:
    auto.execute("ALTER TABLE mesh.job_keys SET (autovacuum_enabled = false)")
    auto.execute(
        "INSERT INTO mesh.job_keys SELECT 'greet', g::text, gen_random_uuid() FROM generate_series(1, 30000) AS g"
    )
    auto.execute("DELETE FROM mesh.job_keys")
    auto.execute("SELECT pg_stat_force_next_flush()")
    auto.execute("SELECT 1")
    code, found = doctor()
    assert code == 1
    assert found["bloated_tables"]["facts"]["dead"] >= 30000
    assert "VACUUM mesh.job_keys" in found["bloated_tables"]["remedy"]
    assert "mesh.job_keys" in found["table_settings"]["message"]


def test_leases_that_are_old_or_abandoned_are_found(doctor: Doctor, auto: psycopg.Connection[Any]) -> None:
    auto.execute("SELECT mesh.enqueue('greet')")
    auto.execute("SELECT public.claim_next_job('rpc', '{greet}')")
    assert doctor() == (0, {})
    _, found = doctor("--held-for", "1ms")
    assert "of rpc holds 1 job, for" in found["old_leases"]["message"]
    assert "mesh queue list --state running" in found["old_leases"]["remedy"]
    auto.execute("UPDATE mesh.leases SET expires_at = now() - interval '5 minutes'")
    assert "its holder is gone" in doctor()[1]["old_leases"]["message"]


def test_moves_that_nobody_folds_are_found(doctor: Doctor, auto: psycopg.Connection[Any]) -> None:
    auto.execute("SELECT mesh.enqueue('greet')")
    assert doctor() == (0, {})
    auto.execute("UPDATE mesh.job_moves SET at = at - interval '10 minutes'")
    assert "mesh.tick()" in doctor()[1]["unfolded_moves"]["remedy"]


def test_history_without_partitions_is_found(doctor: Doctor, auto: psycopg.Connection[Any]) -> None:
    row = auto.execute("SELECT to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD')").fetchone()
    assert row is not None
    auto.execute(f"DROP TABLE mesh.history_{row[0]}")
    assert "no partition" in doctor()[1]["missing_partitions"]["message"]
    auto.execute(
        "INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, attempts, rescues,"
        " created_at, completed_at)"
        " VALUES (gen_random_uuid(), 'greet', 'completed', 0, '{}', 1, 1, 0, now(), now() - interval '90 days')"
    )
    assert "1 ended jobs" in doctor()[1]["default_history"]["message"]


def test_a_replication_slot_that_falls_behind_is_described() -> None:
    from mesh_runtime.queue.examination import Limits, _slot

    problem = _slot({"slot_name": "old", "active": False, "transactions": 2_000_000}, Limits())
    assert "2,000,000 transactions behind" in problem.message
    assert "pg_drop_replication_slot('old')" in str(problem.remedy)


def test_wrong_counts_are_found_and_counted_again(doctor: Doctor, auto: psycopg.Connection[Any]) -> None:
    auto.execute("SELECT mesh.enqueue('greet')")
    assert doctor("--fix") == (0, {})
    auto.execute("INSERT INTO mesh.jobs (job_type) VALUES ('greet')")
    assert doctor() == (0, {}), "nobody reads all of history unasked"
    for _ in range(2):
        code, found = doctor("--counts")
        assert code == 1
        assert "greet enqueued: 1 counted, 2 found" in found["wrong_counts"]["message"]
        assert "--fix" in found["wrong_counts"]["remedy"]
    code, found = doctor("--fix")
    assert (code, list(found)) == (0, ["wrong_counts"])
    assert doctor("--counts") == (0, {})
    assert auto.execute("SELECT enqueued, pending FROM mesh.queue_stats() WHERE enqueued > 0").fetchall() == [(2, 2)]


def test_people_get_text(settings: Settings, doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    del settings
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["mesh", "doctor", "queue"])
        with pytest.raises(SystemExit):
            main()
    assert capsys.readouterr().out == "0 findings\n"
    assert callable(doctor)
