"""A field goes and its column stays: the same name comes back only with a type that the column has."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mesh_descriptors.errors import Place
from mesh_scaffold.formatting import NO_FORMATTERS
from mesh_scaffold.generate.past import Options
from mesh_scaffold.generate.rebuild import plan_rebuild
from mesh_scaffold.generate.work import BlockedError
from mesh_scaffold.record import Record
from mesh_scaffold.targets import target_for
from mesh_scaffold.targets.postgres.earlier import earlier_columns
from mesh_scaffold.tree import Memory, Tree

from .app_in_memory import (
    Files,
    applied,
    generated,
    pristine_app,
    removed,
    settings_of,
    text_of,
    updated,
    with_type,
    written,
)

PATH = "specs/soup.yaml"
BARE = "kind: post-type\nname: soup\nfields:\n  title: {type: string, required: false}\n"
WITH_TEXT = f"{BARE}  gone: {{type: string, required: false}}\n"
WITH_NUMBER = f"{BARE}  gone: {{type: int, required: false}}\n"
COMMITTED = Options(frozen=frozenset)
DROP = 'ALTER TABLE "realtime_posts" DROP COLUMN "soup_gone";'


@pytest.fixture(scope="module")
def left() -> Files:
    """The app after the field went and its column stayed."""
    files = written(with_type(pristine_app(), "soup", WITH_TEXT), PATH, BARE)
    plan = updated(files, "soup", COMMITTED)
    stays = "The column realtime_posts.soup_gone stays, with what it holds."
    assert plan.warnings == (f"{stays} To drop it: mesh update soup --allow-data-loss",)
    return applied(files, plan)


def refused(files: Files, *, new: bool = False) -> None:
    with pytest.raises(BlockedError) as error:
        generated(files, "soup") if new else updated(files, "soup", COMMITTED)
    (problem,) = error.value.problems
    assert "needs the column realtime_posts.soup_gone as bigint, which sql/migrations/2026" in problem.message
    assert problem.place is not None
    assert (problem.place.path, problem.place.line) == (PATH, 5)
    assert "`column:`" in str(problem.remedy)
    assert "--allow-data-loss" in str(problem.remedy)
    assert DROP in str(problem.remedy)


def test_another_type_is_refused_where_add_column_would_do_nothing(left: Files) -> None:
    refused(written(left, PATH, WITH_NUMBER))


def test_the_same_type_takes_the_column_up_again(left: Files) -> None:
    assert updated(written(left, PATH, WITH_TEXT), "soup", COMMITTED).changes


def test_another_column_is_taken_for_another_type(left: Files) -> None:
    text = WITH_NUMBER.replace("int,", "int, column: soup_number,")
    files = applied(left, updated(written(left, PATH, text), "soup", COMMITTED))
    assert any('"soup_number" bigint' in text_of(files, path) for path in files if path.startswith("sql/migrations/"))


def test_a_column_that_a_migration_drops_comes_back_with_any_type(left: Files) -> None:
    files = written(left, "sql/migrations/20260518000000_drop.sql", DROP)
    assert updated(written(files, PATH, WITH_NUMBER), "soup", COMMITTED).changes


def test_a_field_brought_back_and_removed_with_data_loss_frees_its_column(left: Files) -> None:
    lossy = Options(frozen=frozenset, allow_data_loss=True)
    back = written(left, PATH, WITH_TEXT)
    gone = written(applied(back, updated(back, "soup", COMMITTED)), PATH, BARE)
    again = written(applied(gone, updated(gone, "soup", lossy)), PATH, WITH_NUMBER)
    assert updated(again, "soup", COMMITTED).changes


def test_a_removed_type_comes_back_only_with_the_types_of_its_columns() -> None:
    files = with_type(pristine_app(), "soup", WITH_TEXT)
    rest = applied(files, removed(files, "soup", COMMITTED))
    refused(written(rest, PATH, WITH_NUMBER), new=True)


def test_a_migration_that_nobody_has_does_not_stand_in_its_own_way() -> None:
    files = written(with_type(pristine_app(), "soup", WITH_TEXT), PATH, WITH_NUMBER)
    assert updated(files, "soup").changes


def test_columns_are_followed_through_what_migrations_say() -> None:
    sql = (
        "CREATE TABLE app.posts (id bigint, kind text NOT NULL, day date, text text, m mine,\n"
        "  CHECK (m::uuid = '' OR day::text <> ''));\n"
        "CREATE TABLE notes (post bigint REFERENCES posts (id), other text);\n"
        "ALTER TABLE IF EXISTS posts ADD COLUMN IF NOT EXISTS a text, ADD b uuid, ADD COLUMN c mine;\n"
        "ALTER TABLE posts ADD COLUMN IF NOT EXISTS a bigint, DROP COLUMN IF EXISTS b;\n"
        "ALTER TABLE posts ALTER COLUMN id SET DATA TYPE numeric USING id::text::numeric, ALTER a SET NOT NULL;\n"
        'ALTER TABLE posts RENAME COLUMN a TO "A";\n'
    )
    tree = Tree(Memory({}))
    tree.write("m/20260101000000_x.sql", sql)

    found = earlier_columns(tree, "m", "posts")

    types = {name: said for name, (said, _) in found.items()}
    assert types == {"id": "numeric", "kind": "text", "day": "date", "text": "text", "A": "text", "c": "mine"}
    assert found["A"][1] == Place("m/20260101000000_x.sql", 4)


def test_a_required_reference_is_filled_before_it_is_required() -> None:
    files = with_type(pristine_app(), "soup", BARE)
    text = f"{BARE}  cook: {{type: 'ref[user]'}}\n"
    with pytest.raises(BlockedError) as error:
        updated(written(files, PATH, text), "soup", COMMITTED)
    (problem,) = error.value.problems
    assert problem.message == "is required now, and the posts that are there have no value for it"
    assert problem.remedy == "Make it `required: false`; once all posts have one, take that out and update again."
    assert (str(problem.place)) == f"{PATH}:5:3"


def test_a_reference_that_all_posts_may_have_can_be_required() -> None:
    optional = f"{BARE}  cook: {{type: 'ref[user]', required: false}}\n"
    files = with_type(pristine_app(), "soup", optional)
    plan = updated(
        written(files, PATH, optional.replace("'ref[user]', required: false", "'ref[user]'")), "soup", COMMITTED
    )
    assert any(notice.startswith("cook is required now: the migration fails") for notice in plan.notices)


def test_a_migration_that_leads_on_is_not_written_anew_as_a_whole_type() -> None:
    """The migration of the type itself is deleted (squashed into another): what leads on from it says only the rest."""
    files = with_type(pristine_app(), "soup", WITH_TEXT)
    (whole,) = [path for path in files if path.endswith("_columns.sql")]
    squashed = written(files, "sql/migrations/20260101000009_squashed.sql", text_of(files, whole))
    del squashed[whole]
    renamed = f"{BARE}  left: {{type: string, required: false, renamed_from: gone}}\n"
    once = written(squashed, PATH, renamed)
    once = applied(once, updated(once, "soup"))
    (change,) = [path for path in once if path.endswith("_change.sql")]

    again = applied(once, updated(written(once, PATH, renamed + "  more: {type: int, required: false}\n"), "soup"))

    assert text_of(again, change) == text_of(once, change)
    assert "RENAME COLUMN" in text_of(again, change)


def test_a_merge_of_two_records_keeps_what_stayed(left: Files) -> None:
    record = ".mesh/record/post-type.soup.json"
    text = text_of(left, record)
    broken = f"<<<<<<< ours\n{text}=======\n{text.replace('soup_gone', 'soup_other')}>>>>>>> theirs\n"
    settings = settings_of(left)
    tree = Tree(Memory(written(left, record, broken)))

    plan = plan_rebuild(
        tree, target_for(settings, lambda: datetime(2026, 5, 17, 12, tzinfo=UTC)), settings, "soup", NO_FORMATTERS
    )

    rebuilt = Record.from_json(text_of(applied(left, plan), record), record)
    assert [each.name for each in rebuilt.leftovers] == ["soup_gone", "soup_other"]
