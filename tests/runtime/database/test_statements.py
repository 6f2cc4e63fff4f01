from __future__ import annotations

import pytest

from mesh_runtime.database.statements import split_statements


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" ;;\n-- nothing;\n/* no; */ ;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2 ;", ["SELECT 1", "SELECT 2"]),
        ("SELECT 'a;b', 'it''s;'; SELECT 2", ["SELECT 'a;b', 'it''s;'", "SELECT 2"]),
        (r"SELECT E'a\';b'; SELECT 2", [r"SELECT E'a\';b'", "SELECT 2"]),
        (r"SELECT 'a\'; SELECT 2", [r"SELECT 'a\'", "SELECT 2"]),
        ('SELECT "a;""b"; SELECT 2', ['SELECT "a;""b"', "SELECT 2"]),
        ("DO $$ BEGIN; END $$; SELECT 2", ["DO $$ BEGIN; END $$", "SELECT 2"]),
        ("DO $x$ $$;$$ $y$;$y$ $x$; SELECT 2", ["DO $x$ $$;$$ $y$;$y$ $x$", "SELECT 2"]),
        ("SELECT a$1$b; SELECT 2", ["SELECT a$1$b", "SELECT 2"]),
        ("SELECT $1; SELECT $2", ["SELECT $1", "SELECT $2"]),
        ("SELECT 1 /* a; /* b; */ c; */; SELECT 2", ["SELECT 1 /* a; /* b; */ c; */", "SELECT 2"]),
        ("SELECT 1 -- a;\n; SELECT 2", ["SELECT 1 -- a;", "SELECT 2"]),
        ("SELECT 'ä;ö'; SELECT 2", ["SELECT 'ä;ö'", "SELECT 2"]),
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3",
            [
                "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
                "SELECT 3",
            ],
        ),
        ("DO $$ unclosed; SELECT 2", ["DO $$ unclosed; SELECT 2"]),
    ],
)
def test_statements_end_only_at_their_own_semicolons(text: str, statements: list[str]) -> None:
    assert [statement.sql for statement in split_statements(text)] == statements


def test_a_statement_knows_where_it_begins_and_its_first_words() -> None:
    text = "-- about\n\nalter type colour /* now */ add value 'red';\nSELECT 1;"
    first, second = split_statements(text)
    assert text[first.offset :].startswith("alter type")
    assert first.words == ("ALTER", "TYPE", "COLOUR")
    assert text[second.offset :] == "SELECT 1;"
