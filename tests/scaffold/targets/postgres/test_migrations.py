"""Migrations are named later than all others, and looked into without a parser."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mesh_descriptors.project import PostsSection
from mesh_scaffold.targets.postgres.constraints import constraints_of, short_name
from mesh_scaffold.targets.postgres.migrations import next_migration
from mesh_scaffold.targets.postgres.statements import statements
from mesh_scaffold.testing import project, spec


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([], "20260501120000_poll_01_enum.sql"),
        (["20260101000000_app_01_posts.sql"], "20260501120000_poll_01_enum.sql"),
        (["20260501120000_poll_01_enum.sql"], "20260501120000_poll_02_enum.sql"),
        (["20260501120000_event_02_columns.sql"], "20260501120001_poll_01_enum.sql"),
        (["20270101235959_event_01_enum.sql"], "20270102000000_poll_01_enum.sql"),
        (["20270101235959_poll_01_enum.sql"], "20270101235959_poll_02_enum.sql"),
        (["20260501120000_poll_extra_01_enum.sql"], "20260501120001_poll_01_enum.sql"),
        (["notes.sql", "99999999999999_x.sql", "README.md"], "20260501120000_poll_01_enum.sql"),
    ],
)
def test_a_migration_is_later_than_the_newest(present: list[str], expected: str) -> None:
    tree = project({f"sql/migrations/{name}": "" for name in present})

    path = next_migration(tree, "sql/migrations", "poll", "enum", lambda: datetime(2026, 5, 1, 12, tzinfo=UTC))

    assert path == f"sql/migrations/{expected}"


def test_statements_are_seen_through_comments_quotes_and_dollars() -> None:
    sql = (
        "-- CREATE TYPE a AS ENUM ('NO');\n/* ; /* nested ; */ 'x */\n"
        "CREATE TYPE \"My;Type\" AS ENUM ('A;', 'it''s');\n"
        "DO $x$ BEGIN; ALTER TYPE b ADD VALUE 'NO'; END $x$;\nALTER TYPE public.My_Type ADD VALUE E'B';"
    )

    found = list(statements(sql))

    assert [(each.line, each.words[:3], each.texts) for each in found] == [
        (3, ("create", "type", "My;Type"), ("A;", "it's")),
        (4, ("do",), ()),
        (5, ("alter", "type", "public"), ("B",)),
    ]
    assert found[2].line_of("my_type") == 5


def test_unfinished_sql_is_read_to_its_end() -> None:
    for sql in ("SELECT 'open", "/* open", "$$ open", '"open', "é ☃ ;"):
        found = list(statements(f"CREATE TYPE kind AS ENUM ('A');\n{sql}"))
        assert found[0].texts == ("A",)
        assert [each.line for each in found[1:]] in ([], [2])


def test_long_names_are_cut_the_same_way_each_time_and_stay_apart() -> None:
    one, other = short_name("t" * 60, "required"), short_name("t" * 60, "length")

    assert len(one) == len(other) == 63
    assert one != other
    assert one == short_name("t" * 60, "required")
    assert short_name("posts", "poll", "required") == "posts_poll_required"


def test_values_enter_conditions_as_literals() -> None:
    text = r"""
kind: post-type
name: poll
fields:
  mood: {type: enum, values: ["it's", "x'); DROP TABLE users; --"]}
  code: {type: string, pattern: "^a'\\\\$"}
  moods: {type: "list[enum]", values: ["it's"], min_items: 1}
"""
    conditions = {each.name: each.condition for each in constraints_of(spec(text), PostsSection())}

    assert conditions["realtime_posts_poll_mood_values"] == ("\"poll_mood\" IN ('it''s', 'x''); DROP TABLE users; --')")
    assert conditions["realtime_posts_poll_code_pattern"] == "\"poll_code\" ~ '^a''\\\\$'"
    assert conditions["realtime_posts_poll_moods_values"] == "\"poll_moods\" <@ '[\"it''s\"]'::jsonb"
