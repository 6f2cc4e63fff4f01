from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from mesh_runtime.database import (
    DatabaseUnreachableError,
    connect,
    database_url,
    direct_url,
    open_pool,
    redacted,
    server,
    shown_address,
)
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_connection_prepares_nothing_and_says_who_it_is(settings: Settings) -> None:
    with connect(settings, application_name="mesh worker") as connection:
        assert connection.prepare_threshold is None
        assert not connection.autocommit
        assert connection.execute("SHOW application_name").fetchone() == ("mesh worker",)


def test_autocommit_is_asked_for(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        assert connection.autocommit


def test_without_a_url_the_projects_own_server_is_started(tmp_path: Path) -> None:
    (tmp_path / "mesh.toml").write_text('[project]\nname = "kitchen"\n')
    settings = Settings.load(tmp_path, {})
    try:
        with connect(settings) as connection:
            assert connection.execute("SHOW data_directory").fetchone() == (str(tmp_path / ".mesh/local/postgres"),)
        assert database_url(settings) == direct_url(settings) == server(settings).status().url
    finally:
        server(settings).stop()


def test_the_direct_url_is_for_what_a_pooler_cannot_do(settings: Settings) -> None:
    assert direct_url(settings) == settings.database_url
    direct = dataclasses.replace(settings, direct_url="postgresql://direct/app")
    assert direct_url(direct) == "postgresql://direct/app"
    assert database_url(direct) == settings.database_url


def test_a_pool_lends_connections(settings: Settings) -> None:
    with open_pool(settings, max_size=2) as pool, pool.connection() as one, pool.connection() as other:
        assert one.prepare_threshold is None
        assert one.execute("SELECT 1").fetchone() == other.execute("SELECT 1").fetchone()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://cook:hunter2@127.0.0.1:1/kitchen", "127.0.0.1:1/kitchen"),
        ("postgresql://cook:hunter2@no-such-host.invalid/kitchen", "no-such-host.invalid:5432/kitchen"),
        ("postgresql://cook:hunter2@/kitchen?host=/nowhere", "/nowhere:5432/kitchen"),
    ],
)
def test_a_server_that_does_not_answer_is_named_without_its_password(settings: Settings, url: str, says: str) -> None:
    wrong = dataclasses.replace(settings, database_url=url)
    for attempt in (connect, open_pool):
        with pytest.raises(DatabaseUnreachableError) as caught:
            attempt(wrong)
        message = str(caught.value)
        assert says in message
        assert "hunter2" not in message
        assert "Check DATABASE_URL" in message
        assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "url", ["postgresql://cook:hunter2@host:port/x", "postgresql://cook:hunter2@[::1/x", "hunter2"]
)
def test_a_url_that_cannot_be_read_is_not_repeated(url: str) -> None:
    with pytest.raises(DatabaseUnreachableError) as caught:
        connect(url)
    assert "hunter2" not in str(caught.value)
    assert "DATABASE_URL" in str(caught.value)


def test_a_database_that_is_not_there_is_named(mesh_server: str) -> None:
    with pytest.raises(DatabaseUnreachableError, match='database "nothing" does not exist'):
        connect(urlsplit(mesh_server)._replace(path="/nothing").geturl())


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("at postgresql://u:p@ss@h/d now", "at postgresql://u:***@h/d now"),
        ("password=secret host=h", "password=*** host=h"),
        ("PASSWORD = 'two words' host=h", "PASSWORD = *** host=h"),
        ("postgresql://h/d?user=u&password=secret&x=y", "postgresql://h/d?user=u&password=***&x=y"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_passwords_are_taken_out_of_messages(text: str, clean: str) -> None:
    assert redacted(text) == clean


def test_a_known_password_is_taken_out_wherever_it_stands() -> None:
    assert redacted('it said "hunter2"', "postgresql://u:hunter2@h/d") == 'it said "***"'


def test_an_address_shows_neither_user_nor_password() -> None:
    assert shown_address("postgresql://u:p@h:6543/d?sslmode=require") == "h:6543/d"
    assert shown_address("postgresql:///d") == "localhost:5432/d"
    assert shown_address("://") == "(not a PostgreSQL URL)"


def test_errors_of_a_query_pass_through(database_url: str) -> None:
    with connect(database_url) as connection, pytest.raises(psycopg.errors.SyntaxError):
        connection.execute("SELEC")
