from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from mesh_runtime.database import MigrationError, Source, connect, migrate, migration_state, pending, runtime_source
from mesh_runtime.database.requirements import RequirementError, check_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psycopg

    Connection = psycopg.Connection[Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    return made


@pytest.fixture
def source(folder: Path) -> Source:
    return Source("host", folder)


@pytest.fixture
def connection(empty_url: str) -> Iterator[Connection]:
    with connect(empty_url) as opened:
        yield opened


def tables(connection: Connection) -> list[str]:
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    connection.rollback()
    return [row[0] for row in rows]


def ledger(connection: Connection) -> list[str]:
    rows = connection.execute("SELECT source || '/' || name FROM mesh.migrations ORDER BY applied_at").fetchall()
    connection.rollback()
    return [row[0] for row in rows]


def test_migrations_are_applied_once_in_the_order_of_their_names(
    connection: Connection, source: Source, folder: Path
) -> None:
    (folder / "20260102_b.sql").write_text("ALTER TABLE dish ADD COLUMN name text;")
    (folder / "20260101_a.sql").write_text("CREATE TABLE dish (id int);")
    (folder / "notes.txt").write_text("not a migration")
    assert [item.name for item in pending(connection, [source])] == ["20260101_a.sql", "20260102_b.sql"]
    applied = migrate(connection, [source])
    assert [(item.migration.name, item.late) for item in applied] == [
        ("20260101_a.sql", False),
        ("20260102_b.sql", False),
    ]
    assert migrate(connection, [source]) == []
    assert ledger(connection) == ["host/20260101_a.sql", "host/20260102_b.sql"]


def test_looking_what_is_pending_writes_nothing(connection: Connection, source: Source, folder: Path) -> None:
    (folder / "1_a.sql").write_text("CREATE TABLE dish (id int);")
    assert len(pending(connection, [source])) == 1
    assert connection.execute("SELECT to_regnamespace('mesh')").fetchone() == (None,)


def test_one_source_comes_after_the_other_whatever_the_names(connection: Connection, tmp_path: Path) -> None:
    for name, file in (("runtime", "9_late.sql"), ("host", "1_early.sql")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("SELECT 1;")
    migrate(connection, [Source("runtime", tmp_path / "runtime"), Source("host", tmp_path / "host")])
    assert ledger(connection) == ["runtime/9_late.sql", "host/1_early.sql"]


def test_a_failure_amid_a_file_leaves_nothing_of_it_and_all_before_it(
    connection: Connection, source: Source, folder: Path
) -> None:
    (folder / "1_a.sql").write_text("CREATE TABLE kept (id int);")
    (folder / "2_b.sql").write_text("CREATE TABLE lost (id int);\n\nINSERT INTO lost\n  VALUES ('x');\n")
    (folder / "3_c.sql").write_text("CREATE TABLE never (id int);")
    with pytest.raises(MigrationError) as caught:
        migrate(connection, [source])
    message = str(caught.value)
    assert message.startswith(f"{folder / '2_b.sql'}:4: the migration failed: invalid input syntax for type integer")
    assert "Nothing of the file was kept." in message
    assert tables(connection) == ["kept"]
    assert ledger(connection) == ["host/1_a.sql"]


def test_an_error_at_run_time_names_the_line_of_its_statement(
    connection: Connection, source: Source, folder: Path
) -> None:
    (folder / "1_a.sql").write_text("SELECT 1;\n-- why\nDO $$\nBEGIN\n  RAISE 'no such dish';\nEND $$;\n")
    with pytest.raises(MigrationError, match=r"1_a\.sql:3: the migration failed: no such dish") as caught:
        migrate(connection, [source])
    assert "line 3 at RAISE" in str(caught.value)


def test_a_mended_file_is_applied_by_the_next_run(connection: Connection, source: Source, folder: Path) -> None:
    (folder / "1_a.sql").write_text("CREATE TABEL dish (id int);")
    with pytest.raises(MigrationError, match=r'1_a\.sql:1: .*syntax error at or near "TABEL"'):
        migrate(connection, [source])
    (folder / "1_a.sql").write_text("CREATE TABLE dish (id int);")
    assert len(migrate(connection, [source])) == 1
    assert tables(connection) == ["dish"]


def test_a_changed_and_a_missing_migration_are_both_named_and_nothing_is_applied(
    connection: Connection, source: Source, folder: Path
) -> None:
    for number in (1, 2):
        (folder / f"{number}.sql").write_text("SELECT 1;")
    migrate(connection, [source])
    (folder / "1.sql").write_text("SELECT 2;")
    (folder / "2.sql").unlink()
    (folder / "3.sql").write_text("CREATE TABLE dish (id int);")
    with pytest.raises(MigrationError) as caught:
        migrate(connection, [source])
    message = str(caught.value)
    assert f"{folder / '1.sql'}: was changed after it was applied" in message
    assert "write a new migration" in message
    assert f"{folder / '2.sql'}: was applied to this database, but the file is missing" in message
    assert "Bring the file back from version control" in message
    assert tables(connection) == []
    state = migration_state(connection, [source])
    assert (state.applied, len(state.pending), len(state.problems)) == (2, 1, 2)


def test_other_line_ends_and_a_byte_order_mark_are_no_change(
    connection: Connection, source: Source, folder: Path
) -> None:
    (folder / "1.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    migrate(connection, [source])
    (folder / "1.sql").write_bytes(b"\xef\xbb\xbfSELECT 1;\r\nSELECT 2;\r\n")
    assert migrate(connection, [source]) == []


def test_a_source_that_is_not_asked_for_is_left_alone(connection: Connection, source: Source, folder: Path) -> None:
    (folder / "1.sql").write_text("SELECT 1;")
    migrate(connection, [source])
    assert migrate(connection, [Source("other", folder / "nowhere")]) == []


def test_a_file_merged_late_is_applied_with_a_notice(connection: Connection, source: Source, folder: Path) -> None:
    (folder / "20260301_b.sql").write_text("SELECT 1;")
    migrate(connection, [source])
    (folder / "20260201_a.sql").write_text("SELECT 1;")
    (folder / "20260401_c.sql").write_text("SELECT 1;")
    applied = migrate(connection, [source])
    assert [(item.migration.name, item.late) for item in applied] == [
        ("20260201_a.sql", True),
        ("20260401_c.sql", False),
    ]


def test_a_file_without_a_transaction_runs_statement_by_statement(
    connection: Connection, source: Source, folder: Path
) -> None:
    (folder / "1.sql").write_text("CREATE TABLE dish (id int);")
    (folder / "2.sql").write_text(
        "-- Built beside the readers.\n-- mesh: no-transaction\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS dish_id ON dish (id);\nVACUUM dish;\n"
    )
    assert len(migrate(connection, [source])) == 2
    assert connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'dish_id'::regclass").fetchone() == (
        True,
    )
    assert ledger(connection) == ["host/1.sql", "host/2.sql"]


def test_a_file_without_a_transaction_that_fails_runs_again_from_its_start(
    connection: Connection, source: Source, folder: Path
) -> None:
    (folder / "1.sql").write_text("-- mesh: no-transaction\nCREATE TABLE IF NOT EXISTS dish (id int);\nSELECT 1/0;\n")
    with pytest.raises(MigrationError, match=r"1\.sql:3: .*division by zero") as caught:
        migrate(connection, [source])
    assert "Statements before this one were kept." in str(caught.value)
    assert tables(connection) == ["dish"]
    assert not connection.autocommit
    (folder / "1.sql").write_text("-- mesh: no-transaction\nCREATE TABLE IF NOT EXISTS dish (id int);\n")
    assert len(migrate(connection, [source])) == 1


def test_what_needs_to_be_outside_of_a_transaction_says_how(
    connection: Connection, source: Source, folder: Path
) -> None:
    (folder / "1.sql").write_text("SELECT 1;\nVACUUM;\n")
    with pytest.raises(MigrationError, match=r"1\.sql:2: .*VACUUM cannot run inside") as caught:
        migrate(connection, [source])
    assert "-- mesh: no-transaction" in str(caught.value)


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT", "rollback", "START TRANSACTION", "END"])
def test_a_file_may_not_end_its_own_transaction(
    connection: Connection, source: Source, folder: Path, statement: str
) -> None:
    (folder / "1.sql").write_text(f"CREATE TABLE dish (id int);\n{statement};\n")
    with pytest.raises(MigrationError, match=rf"1\.sql:2: {statement.split()[0].upper()} in a migration"):
        migrate(connection, [source])
    assert tables(connection) == []


def test_a_new_enum_value_used_at_once_says_that_it_needs_a_file_of_its_own(
    connection: Connection, source: Source, folder: Path
) -> None:
    (folder / "1.sql").write_text("CREATE TYPE colour AS ENUM ('red');\nCREATE TABLE dish (colour colour);")
    (folder / "2.sql").write_text("ALTER TYPE colour ADD VALUE 'blue';\nINSERT INTO dish VALUES ('blue');")
    with pytest.raises(MigrationError, match=r"2\.sql:2: .*unsafe use of new value") as caught:
        migrate(connection, [source])
    assert "in a migration file of its own" in str(caught.value)


def test_what_one_file_sets_does_not_reach_the_next(connection: Connection, source: Source, folder: Path) -> None:
    (folder / "1.sql").write_text("SELECT pg_catalog.set_config('search_path', '', false);\nSET ROLE pg_monitor;")
    (folder / "2.sql").write_text("CREATE TABLE dish (id int);")
    migrate(connection, [source])
    assert tables(connection) == ["dish"]


def test_time_limits_of_the_user_do_not_stop_a_long_migration(empty_url: str, source: Source, folder: Path) -> None:
    (folder / "1.sql").write_text("SELECT pg_sleep(0.3);")
    with connect(empty_url) as connection:
        connection.execute("SET statement_timeout = 100")
        connection.commit()
        assert len(migrate(connection, [source])) == 1


def test_percent_signs_and_many_statements_are_taken_as_they_are(
    connection: Connection, source: Source, folder: Path
) -> None:
    (folder / "1.sql").write_text("CREATE TABLE dish AS SELECT '100 % of %s; %(x)s' AS name;\nSELECT 1; SELECT 2")
    migrate(connection, [source])
    assert connection.execute("SELECT name FROM dish").fetchone() == ("100 % of %s; %(x)s",)


@pytest.mark.parametrize("name", ["dish.sql", "1 dish.sql", "1_düsh.sql"])
def test_a_name_without_an_order_is_refused(connection: Connection, source: Source, folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="begins with the number or timestamp") as caught:
        migrate(connection, [source])
    assert str(folder / name) in str(caught.value)


def test_text_that_is_not_utf_8_is_refused(connection: Connection, source: Source, folder: Path) -> None:
    (folder / "1.sql").write_bytes("SELECT 'ä'".encode("latin-1"))
    with pytest.raises(MigrationError, match=r"1\.sql: is not UTF-8"):
        migrate(connection, [source])


@pytest.mark.parametrize("header", ["", "-- mesh: no-transaction\n"])
def test_processes_that_migrate_at_once_apply_each_file_once(empty_url: str, folder: Path, header: str) -> None:
    for number in range(5):
        (folder / f"{number}.sql").write_text(f"{header}CREATE TABLE dish_{number} (id int);\nSELECT pg_sleep(0.05);")
    script = (
        "import sys; from pathlib import Path; from mesh_runtime.database import *\n"
        "with connect(sys.argv[1]) as c: print(len(migrate(c, [Source('host', Path(sys.argv[2]))])))\n"
    )
    command = [sys.executable, "-c", script, empty_url, str(folder)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    counts = [int(run.communicate()[0]) for run in runs]
    assert sum(counts) == 5
    with connect(empty_url) as connection:
        assert len(ledger(connection)) == 5


def test_an_index_is_built_concurrently_while_another_process_waits_its_turn(empty_url: str, folder: Path) -> None:
    (folder / "1.sql").write_text("CREATE TABLE dish (id int);")
    (folder / "2.sql").write_text(
        "-- mesh: no-transaction\nSELECT pg_sleep(1);\nCREATE INDEX CONCURRENTLY dish_id ON dish (id);"
    )
    script = (
        "import sys; from pathlib import Path; from mesh_runtime.database import *\n"
        "with connect(sys.argv[1]) as c: print(len(migrate(c, [Source('host', Path(sys.argv[2]))])))\n"
    )
    command = [sys.executable, "-c", script, empty_url, str(folder)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        assert sum(int(run.communicate(timeout=20)[0]) for run in runs) == 2
    finally:
        for run in runs:
            run.kill()
            run.communicate()


def test_a_migration_killed_amid_a_file_is_applied_by_the_next_run(
    empty_url: str, source: Source, folder: Path, connection: Connection
) -> None:
    (folder / "1.sql").write_text("CREATE TABLE dish (id int);\nSELECT pg_sleep(5);")
    script = (
        "import sys; from pathlib import Path; from mesh_runtime.database import *\n"
        "with connect(sys.argv[1]) as c: migrate(c, [Source('host', Path(sys.argv[2]))])\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script, empty_url, str(folder)])
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(5)' AND datname = current_database()"
    while True:
        row = connection.execute(asleep).fetchone()
        connection.rollback()
        if row == (1,):
            break
        time.sleep(0.02)
    run.kill()
    run.wait()
    stop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(5)'"
    connection.execute(stop)  # a server notices a dead client only when it next writes to it
    connection.rollback()
    assert tables(connection) == []
    (folder / "1.sql").write_text("CREATE TABLE dish (id int);")
    assert len(migrate(connection, [source])) == 1


def test_migrate_refuses_a_connection_within_a_transaction(connection: Connection, source: Source) -> None:
    connection.execute("SELECT 1")
    with pytest.raises(ValueError, match="outside of a transaction"):
        migrate(connection, [source])


def test_a_server_that_is_too_old_is_refused_with_the_remedy(connection: Connection) -> None:
    with pytest.raises(RequirementError, match=r"mesh needs 99 or newer") as caught:
        check_requirements(connection, oldest=99)
    assert "DATABASE_URL" in str(caught.value)


def test_a_server_without_an_extension_is_refused_with_the_remedy(connection: Connection) -> None:
    with pytest.raises(RequirementError, match="lacks the extension warp and teleport") as caught:
        check_requirements(connection, extensions=("warp", "vector", "teleport"))
    assert "pgvector" in str(caught.value)


def test_an_extension_in_a_schema_of_its_own_stays_there(connection: Connection) -> None:
    connection.execute("CREATE SCHEMA extensions")
    connection.execute("CREATE EXTENSION vector WITH SCHEMA extensions")
    connection.commit()
    base = runtime_source().migrations()[0]
    connection.execute("CREATE SCHEMA mesh")
    connection.execute(base.sql)
    rows = connection.execute(
        "SELECT extname, extnamespace::regnamespace::text FROM pg_extension WHERE extname <> 'plpgsql'"
    )
    assert dict(rows.fetchall()) == {"vector": "extensions", "pg_trgm": "extensions"}
    connection.rollback()
