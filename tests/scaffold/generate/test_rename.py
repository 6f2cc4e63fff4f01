"""A type that is called otherwise now keeps its posts, its files and what the user made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.generate.check import examine
from mesh_scaffold.generate.conflicts import ConflictError
from mesh_scaffold.generate.new import DuplicateTypeError, SpecChangedError
from mesh_scaffold.generate.past import NotGeneratedError, Options
from mesh_scaffold.generate.specs import SpecExistsError
from mesh_scaffold.generate.work import BlockedError
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Memory

from .app_in_memory import (
    POLL,
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

if TYPE_CHECKING:
    from collections.abc import Sequence

SURVEY = POLL.replace("name: poll", "name: survey\nrenamed_from: poll")
CODE = (".py", ".html", ".sql", ".js")


@pytest.fixture(scope="module")
def app() -> Files:
    return with_type(with_type(pristine_app(), "event"), "poll")


def renamed(files: Files, text: str = SURVEY) -> Files:
    """The app whose user renamed the spec."""
    rest = {path: stored for path, stored in files.items() if path != "specs/poll.yaml"}
    return written(rest, "specs/survey.yaml", text)


def old_ones(paths: Sequence[str]) -> frozenset[str]:
    """Migrations of the type as it was called count as applied."""
    return frozenset(path for path in paths if "_poll_" in path)


def findings(files: Files) -> tuple[list[str], list[str]]:
    settings = settings_of(files)
    looked = [(path, stored.content) for path, stored in files.items() if path.endswith(CODE)]
    report = examine(Memory(files), target_for(settings), settings, files=looked)
    return [str(each) for each in report.findings], [str(each) for each in report.notices]


def saying_poll(files: Files) -> list[str]:
    texts = {path: stored.content.decode("utf-8", "replace").lower() for path, stored in files.items()}
    return [path for path, text in texts.items() if path.endswith((*CODE, ".toml")) and ("poll" in text + path)]


@pytest.mark.parametrize("name", ["survey", "poll", None])
def test_nothing_is_called_as_before(app: Files, name: str | None) -> None:
    before = renamed(app)
    plan = updated(before, name)
    assert (plan.conflicts, plan.warnings) == ((), ())
    after = applied(before, plan)
    assert saying_poll(after) == []
    assert {path for path in after if "survey" in path} == {
        ".mesh/record/post-type.survey.json",
        "app/templates/cards/survey.html",
        "app/templates/forms/survey.html",
        "app/validators/survey.py",
        "plugins/survey/plugin.toml",
        "specs/survey.yaml",
        "sql/migrations/20260517120001_survey_01_enum.sql",
        "sql/migrations/20260517120001_survey_02_columns.sql",
        "tests/test_survey.py",
    }
    assert ".mesh/record/post-type.poll.json" not in after
    assert findings(after) == ([], [])
    assert updated(after).changes == ()


def test_the_code_is_that_of_a_new_type_of_that_name(app: Files) -> None:
    after = applied(renamed(app), updated(renamed(app), "survey"))
    anew = with_type(with_type(pristine_app(), "event"), "survey", SURVEY)
    for path in (path for path in anew if path.endswith((*CODE, ".toml"))):
        assert after[path].content == anew[path].content, path


def test_migrations_that_others_have_are_led_on_from(app: Files) -> None:
    before = renamed(app)
    after = applied(before, updated(before, "survey", Options(frozen=old_ones)))
    assert [path for path in after if "_poll_" in path] == [path for path in app if "_poll_" in path]
    value = text_of(after, "sql/migrations/20260517120002_survey_01_rename.sql")
    assert "ALTER TYPE \"realtime_post_type\" RENAME VALUE 'POLL' TO 'SURVEY';\n" in value
    columns = text_of(after, "sql/migrations/20260517120002_survey_02_change.sql")
    assert 'RENAME COLUMN "poll_question" TO "survey_question";\n' in columns
    assert findings(after) == ([], [])
    assert updated(after, None, Options(frozen=old_ones)).changes == ()
    assert updated(after, None, Options(frozen=frozenset)).changes == ()


def test_a_type_may_be_renamed_twice_and_its_first_name_be_given_again(app: Files) -> None:
    once = applied(renamed(app), updated(renamed(app), "survey", Options(frozen=old_ones)))
    rest = {path: stored for path, stored in once.items() if path != "specs/survey.yaml"}
    before = written(rest, "specs/quiz.yaml", POLL.replace("name: poll", "name: quiz\nrenamed_from: survey"))
    twice = applied(before, updated(before, "quiz", Options(frozen=old_ones)))
    assert findings(twice) == ([], [])
    again = with_type(twice, "poll")
    assert findings(again) == ([], [])
    assert any(path.endswith("_poll_01_enum.sql") and path not in app for path in again)
    assert updated(again, None, Options(frozen=old_ones)).changes == ()


def test_what_the_user_edited_comes_along(app: Files) -> None:
    files = dict(app)
    edits = {
        "app/validators/poll.py": ("    poll_day: date", "    poll_day: date  # not a holiday"),
        "app/templates/forms/poll.html": ('<label for="poll_day">Day', '<label for="poll_day">Which day'),
        "app/models.py": ("    poll_day: date | None = None", "    poll_day: date | None = None  # ours"),
        "app/actions.py": ('fields.get("poll_day"),', 'cleaned(fields.get("poll_day")),'),
    }
    for path, (old, new) in edits.items():
        assert old in text_of(files, path), path
        files = written(files, path, text_of(files, path).replace(old, new, 1))
    files = written(files, "app/ranking.py", "from app.models import PostType\n\nFIRST = {PostType.POLL}  # é\n")
    files = written(files, "plugins/poll/icon.svg", "<svg/>")
    before = renamed(files)
    plan = updated(before, "survey")
    assert (plan.conflicts, plan.warnings) == ((), ())
    after = applied(before, plan)
    for path, (_, new) in edits.items():
        assert new.replace("poll", "survey") in text_of(after, path.replace("poll", "survey")), path
    assert "FIRST = {PostType.SURVEY}  # é\n" in text_of(after, "app/ranking.py")
    assert text_of(after, "plugins/survey/icon.svg") == "<svg/>"
    assert saying_poll(after) == []
    assert findings(after)[0] == []


def test_a_line_that_both_changed_is_marked_and_the_spec_goes_on_later(app: Files) -> None:
    path = "app/models.py"
    files = written(app, path, text_of(app, path).replace("    poll_day: date", "    our_day: date"))
    before = renamed(files, SURVEY.replace("{type: date}", "{type: date, required: false}"))
    plan = updated(before, "survey")
    assert "Post.survey_day was deleted, and is to be survey_day: date | None = None now" in str(plan.conflicts)
    assert "specs/survey.yaml changes more than the name: resolve the conflicts, then update again" in plan.warnings
    after = applied(before, plan)
    assert "<<<<<<< yours" in text_of(after, path)
    solved = written(after, path, text_of(applied(renamed(app), updated(renamed(app), "survey")), path))
    plan = updated(solved, "survey")
    assert not plan.conflicts
    assert "survey_day: date | None = None" in text_of(applied(solved, plan), "app/validators/survey.py")


def test_fields_change_with_the_name(app: Files) -> None:
    text = SURVEY.replace("  day: {type: date}", "  until: {type: datetime, renamed_from: day}\n  more: {type: json}")
    before = renamed(app, text.replace("{type: json}", "{type: json, backfill: []}"))
    plan = updated(before, "survey", Options(frozen=old_ones))
    after = applied(before, plan)
    assert not plan.conflicts
    assert "survey_until: datetime | None = None" in text_of(after, "app/models.py")
    sql = [text_of(after, path) for path in sorted(after) if "_survey_" in path and path.endswith(".sql")]
    assert [text.split("\n")[0] for text in sql] == [
        "-- POLL posts are called SURVEY now.",
        "-- The columns of SURVEY posts, which were POLL posts.",
        "-- The columns of SURVEY posts, changed.",
    ]
    assert 'RENAME COLUMN "survey_day" TO "survey_until"' in sql[2]
    assert findings(after) == ([], [])


def test_a_column_that_the_spec_names_keeps_its_name(app: Files) -> None:
    before = renamed(app, SURVEY.replace("{type: date}", "{type: date, column: poll_day}"))
    plan = updated(before, "survey", Options(frozen=old_ones))
    after = applied(before, plan)
    sql = text_of(after, "sql/migrations/20260517120002_survey_02_change.sql")
    assert 'poll_day" TO' not in sql
    assert "poll_day: date | None = None" in text_of(after, "app/models.py")
    assert findings(after) == ([], [])


def test_code_that_says_an_old_name_is_told(app: Files) -> None:
    path = "app/templates/cards/event.html"
    files = written(app, path, text_of(app, path) + "{{ post.poll_day }} {{ post.poll_days }}\n")
    line = text_of(files, path).count("\n")
    plan = updated(renamed(files), "survey")
    assert plan.warnings == (f"{path}:{line} still says poll_day, which is survey_day now",)


def test_an_old_spec_that_is_still_there_is_refused(app: Files) -> None:
    with pytest.raises(SpecExistsError) as caught:
        updated(written(app, "specs/survey.yaml", SURVEY), "survey")
    assert str(caught.value) == (
        "specs/survey.yaml:3:15: renames the type 'poll', whose spec specs/poll.yaml is still there\n"
        "  Delete specs/poll.yaml: the record knows what was generated from it."
    )


def test_a_name_that_is_taken_is_refused(app: Files) -> None:
    path = "app/models.py"
    files = written(
        app, path, text_of(app, path).replace('    POLL = "POLL"\n', '    POLL = "POLL"\n    SURVEY = "SURVEY"\n')
    )
    with pytest.raises(DuplicateTypeError) as caught:
        updated(renamed(files), "survey")
    assert "the code has a type 'survey' besides 'poll', which is to be called so" in str(caught.value)
    assert "Choose another name, or take that type out first." in str(caught.value)


def test_a_value_that_the_database_has_is_refused(app: Files) -> None:
    path = "sql/migrations/20260101000001_app_02_more.sql"
    files = written(app, path, "ALTER TYPE realtime_post_type ADD VALUE 'SURVEY';\n")
    with pytest.raises(BlockedError) as caught:
        updated(renamed(files), "survey", Options(frozen=old_ones))
    assert f"{path}:1: value in the database's enum: POLL cannot become SURVEY, which the enum" in str(caught.value)
    assert "Choose another name, or take that value out first, in a migration that swaps the type." in str(caught.value)


def test_a_file_in_the_way_is_refused_and_one_that_was_moved_by_hand_is_taken(app: Files) -> None:
    path = "app/validators/survey.py"
    with pytest.raises(ConflictError) as caught:
        updated(renamed(written(app, path, "OURS = 1\n")), "survey")
    assert str(caught.value) == (
        f"{path}: exists, and app/validators/poll.py is to move there; nothing was written\n"
        "  Rename, move or delete one of the two."
    )
    by_hand = {p: s for p, s in app.items() if p != "app/validators/poll.py"} | {path: app["app/validators/poll.py"]}
    plan = updated(renamed(by_hand), "survey")
    assert "class SurveyValidation" in text_of(applied(renamed(by_hand), plan), path)
    assert plan.conflicts == ()


def test_a_type_that_mesh_did_not_generate_is_to_be_adopted_first(app: Files) -> None:
    files = written(app, "specs/notice.yaml", SURVEY.replace("survey", "notice").replace("poll", "text"))
    with pytest.raises(NotGeneratedError) as caught:
        updated(files, "notice")
    assert str(caught.value) == (
        "specs/notice.yaml:3:15: renames the type 'text', which mesh did not generate\n"
        "  Run mesh adopt text, delete the spec that it writes, and update again."
    )


def test_new_says_that_update_renames(app: Files) -> None:
    with pytest.raises(SpecChangedError) as caught:
        generated(renamed(app), "survey")
    assert "Run mesh update survey, or leave `renamed_from` out to make a new type." in str(caught.value)


def test_a_renamed_type_can_be_removed(app: Files) -> None:
    once = applied(renamed(app), updated(renamed(app), "survey"))
    after = applied(once, removed(once, "survey"))
    assert [path for path in after if "survey" in path] == ["specs/survey.yaml"]
    without = with_type(pristine_app(), "event")
    for path in without:
        assert after[path].content == without[path].content, path


def test_check_says_that_the_rename_is_to_be_done(app: Files) -> None:
    assert findings(renamed(app)) == (
        [
            "specs/survey.yaml:3:15: poll is called survey here, and has its old name in the code\n"
            "  Run mesh update survey."
        ],
        [],
    )
