from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mesh_runtime.database import queries
from mesh_runtime.database.queries import QueryFileError, read_queries
from mesh_runtime.database.resources import sql_folder

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted(path.stem for path in (sql_folder() / "queries").glob("*.sql"))


@pytest.mark.parametrize("name", FILES)
def test_every_query_of_the_package_has_a_name_a_description_and_a_statement(name: str) -> None:
    found = queries(name)
    assert found
    for query in found.values():
        assert len(query.description.split()) >= 3, f"{query.place}: {query.name} is hardly described"


def test_blocks_are_read_with_their_descriptions(tmp_path: Path) -> None:
    path = tmp_path / "songs.sql"
    path.write_text(
        "-- Songs.\n\n"
        "-- name: by_title\n-- The songs of a title,\n--   newest first.\nSELECT 1 -- why\nWHERE %(title)s = 'a';\n\n"
        "-- name: count_songs\n-- How many there are.\nSELECT 2\n"
    )
    found = read_queries(path)
    assert list(found) == ["by_title", "count_songs"]
    assert found["by_title"].description == "The songs of a title, newest first."
    assert found["by_title"].sql == "SELECT 1 -- why\nWHERE %(title)s = 'a'"
    assert found["count_songs"].sql == "SELECT 2"
    assert found["count_songs"].place.line == 9


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (
            "-- name: a\n-- It is.\nSELECT 1;\n-- name: a\n-- It is too.\nSELECT 2;",
            4,
            "'a' is here twice; first on line 1",
        ),
        ("-- name: a\nSELECT 1;", 1, "'a' has no description"),
        ("-- name: a\n--\nSELECT 1;", 1, "'a' has no description"),
        ("-- name: a\n-- It is.\n", 1, "'a' has no statement"),
        ("\n-- name: Two Words\n-- It is.\nSELECT 1;", 2, "'Two Words' is not a query's name"),
        ("-- name:\n-- It is.\nSELECT 1;", 1, "'' is not a query's name"),
        ("-- All about songs.\nSELECT 1;", 2, "a statement stands before the first name"),
    ],
)
def test_a_bad_block_is_an_error_with_file_and_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "songs.sql"
    path.write_text(text)
    with pytest.raises(QueryFileError) as caught:
        read_queries(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert says in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(QueryFileError, match=r"songs\.sql: no such file"):
        queries("songs")


def test_a_missing_query_names_the_file() -> None:
    with pytest.raises(KeyError, match=r"migrations\.sql has no query named 'nothing'"):
        queries("migrations")["nothing"]
