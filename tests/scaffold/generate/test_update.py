from __future__ import annotations

from itertools import groupby

import pytest

from mesh_scaffold.cli.conflicts import OnConflict, chosen
from mesh_scaffold.diff import line_changes
from mesh_scaffold.formatting import Formatters
from mesh_scaffold.generate.conflicts import ConflictError, PendingMarkersError
from mesh_scaffold.generate.past import NotGeneratedError, Options
from mesh_scaffold.generate.specs import NoSpecError
from mesh_scaffold.spec.findings import SpecError

from .app_in_memory import POLL, Files, applied, pristine_app, text_of, updated, with_type, written

SPEC = "specs/poll.yaml"
CLEANED = '"poll_day": fields.get("poll_day")'


@pytest.fixture(scope="module")
def app() -> Files:
    return with_type(with_type(pristine_app(), "event"), "poll")


def changed(files: Files, old: str, new: str) -> Files:
    assert old in POLL
    return written(files, SPEC, POLL.replace(old, new))


def edited(files: Files, path: str, old: str, new: str) -> Files:
    assert old in text_of(files, path)
    return written(files, path, text_of(files, path).replace(old, new))


def line_of(files: Files, word: str) -> int:
    """The first line of the models with that word."""
    lines = text_of(files, "app/models.py").splitlines()
    return next(number for number, line in enumerate(lines, 1) if word in line)


def said(choice: str) -> Options:
    return Options(chosen(OnConflict(choice), created="abort", changed="markers"))


RENAMED = ("  day: {type: date}", "  until: {type: date, renamed_from: day}")
RETYPED = ("{type: string}", "{type: int}")


def test_a_spec_that_says_the_same_changes_nothing(app: Files) -> None:
    plan = updated(app)
    assert (plan.changes, plan.conflicts, plan.command) == ((), (), "update --all")


def test_a_renamed_field_keeps_its_place_and_what_the_user_made_of_it(app: Files) -> None:
    files = edited(app, "app/actions.py", f"{CLEANED},", '"poll_day": cleaned(fields.get("poll_day")),  # ours')
    plan = updated(changed(files, *RENAMED), "poll")
    assert not plan.conflicts
    after = applied(files, plan)
    assert '"poll_until": cleaned(fields.get("poll_until")),  # ours' in text_of(after, "app/actions.py")
    assert "poll_day" not in text_of(after, "app/actions.py")
    assert line_changes(next(change for change in plan.changes if change.path == "app/models.py")) == [
        "-    poll_day: date | None = None",
        "+    poll_until: date | None = None",
    ]


def test_a_comment_behind_a_field_that_the_spec_leaves_out_now_is_an_edit_of_it(app: Files) -> None:
    day = "    poll_day: date | None = None"
    files = edited(app, "app/models.py", f"{day}\n", f"{day}  # because of X\n")
    dropped = changed(files, "  day: {type: date}\n", "")
    plan = updated(dropped, "poll")
    assert "Post.poll_day was edited, and is to go now" in str(plan.conflicts)
    assert f"{day}  # because of X\n" in text_of(applied(dropped, plan), "app/models.py")
    after = text_of(applied(dropped, updated(dropped, "poll", said("overwrite"))), "app/models.py")
    assert "because of X" not in after
    assert "poll_question: str | None = None\n    poll_options: list[str] | None = None\n" in after


def test_what_both_changed_is_marked_listed_and_refused_until_it_is_resolved(app: Files) -> None:
    files = edited(app, "app/models.py", "poll_question: str | None", "poll_question: bytes | None")
    files = changed(files, *RETYPED)
    plan = updated(files, "poll")
    assert [str(problem).splitlines()[0] for problem in plan.conflicts] == [
        "app/models.py:51: 1 conflict marked",
        "app/models.py:51: Post.poll_question was edited, and is to be poll_question: int | None = None now",
    ]
    after = applied(files, plan)
    assert (
        "<<<<<<< yours\n    poll_question: bytes | None = None\n=======\n    poll_question: int | None = None\n"
        ">>>>>>> generated\n"
    ) in text_of(after, "app/models.py")
    with pytest.raises(PendingMarkersError) as caught:
        updated(after, "poll")
    assert str(caught.value) == (
        "app/models.py:51: has conflicts to resolve\n"
        "  Keep what is right between the markers, delete them, and run the command again."
    )
    assert caught.value.exit_code == 1
    mine = written(after, "app/models.py", text_of(files, "app/models.py"))
    assert updated(mine, "poll").changes == ()


@pytest.mark.parametrize(
    ("choice", "line"), [("keep", "poll_question: bytes | None"), ("overwrite", "poll_question: int | None")]
)
def test_a_side_can_be_chosen_for_all(app: Files, choice: str, line: str) -> None:
    files = edited(app, "app/models.py", "poll_question: str | None", "poll_question: bytes | None")
    plan = updated(changed(files, *RETYPED), "poll", said(choice))
    assert not plan.conflicts
    assert line in text_of(applied(files, plan), "app/models.py")
    assert bool(plan.warnings) == (choice == "keep")


@pytest.mark.parametrize("choice", ["abort", "merge"])
def test_nothing_is_written_where_that_is_asked_for(app: Files, choice: str) -> None:
    files = edited(app, "app/models.py", "poll_question: str | None", "poll_question: bytes | None")
    place = rf"app/models\.py:{line_of(files, 'poll_question')}"
    with pytest.raises(ConflictError, match=rf"{place}: was edited where it is to change; nothing was written"):
        updated(changed(files, *RETYPED), "poll", said(choice))


def test_a_field_that_comes_later_stands_beside_those_of_its_type() -> None:
    files = with_type(with_type(pristine_app(), "poll"), "event")
    spec = POLL.replace("fields:\n", "fields:\n  topic: {type: string, required: false}\n")
    spec += "  end: {type: date, required: false}\n"
    after = applied(files, updated(written(files, SPEC, spec), "poll"))
    for path in ("app/models.py", "app/actions.py"):
        lines = [line for line in text_of(after, path).splitlines() if "poll_" in line or "event_" in line]
        runs = [key for key, _ in groupby("event" if "event_" in line else "poll" for line in lines)]
        assert runs == ["poll", "event"] * (1 if path.endswith("models.py") else 4), lines
    assert "poll_question: str | None = None\n    poll_topic: " in text_of(after, "app/models.py")
    assert "poll_options: list[str] | None = None\n    poll_end: " in text_of(after, "app/models.py")
    back = applied(after, updated(written(after, SPEC, POLL), "poll"))
    assert {path: content for path, content in back.items() if path.startswith("app/")} == {
        path: content for path, content in files.items() if path.startswith("app/")
    }


def test_a_conflict_in_a_shared_file_is_told_with_the_line_of_its_marker(app: Files) -> None:
    files = edited(app, "app/models.py", "poll_question: str | None", "poll_question: bytes | None")
    files = edited(files, "app/models.py", "poll_options: list[str] | None", "poll_options: bytes | None")
    spec = POLL.replace(*RETYPED).replace('"list[string]"', '"list[int]"')
    plan = updated(written(files, SPEC, spec), "poll")
    lines = text_of(applied(files, plan), "app/models.py").splitlines()
    places = [
        conflict.place for conflict in plan.conflicts if conflict.place and conflict.place.path == "app/models.py"
    ]
    marked = [number for number, line in enumerate(lines, 1) if line == "<<<<<<< yours"]
    assert [place.line for place in places] == [marked[0], *marked], "the file, then each piece"
    assert len(marked) == 2


def test_a_deleted_line_stays_away_until_its_field_changes(app: Files) -> None:
    files = edited(app, "app/models.py", "    poll_day: date | None = None\n", "")
    plan = updated(changed(files, *RETYPED), "poll")
    assert not plan.conflicts
    assert "poll_day" not in text_of(applied(files, plan), "app/models.py")
    plan = updated(changed(files, *RENAMED), "poll")
    assert "Post.poll_until was deleted" in str(plan.conflicts[1]) or "Post.poll_day was deleted" in str(plan.conflicts)


def test_a_generated_file_is_merged_line_by_line(app: Files) -> None:
    path = "app/templates/forms/poll.html"
    files = written(app, path, "<!-- ours -->\n" + text_of(app, path))
    plan = updated(changed(files, "{type: string}", "{type: string, max_length: 40}"), "poll")
    assert not plan.conflicts
    merged = text_of(applied(files, plan), path)
    assert merged.startswith("<!-- ours -->\n")
    assert 'maxlength="40"' in merged


def test_a_method_of_the_users_own_at_the_end_is_no_conflict_with_a_field_more(app: Files) -> None:
    path = "app/validators/poll.py"
    method = "\n    def shout(self) -> str:\n        return self.poll_question.upper()\n"
    files = written(app, path, text_of(app, path) + method)
    spec = text_of(files, "specs/poll.yaml")
    files = written(files, "specs/poll.yaml", f"{spec.rstrip()}\n  votes: {{type: int, default: 0}}\n")
    plan = updated(files, "poll")
    assert not plan.conflicts
    merged = text_of(applied(files, plan), path)
    assert merged.endswith(f"    poll_votes: BigInt = 0\n{method}")


def test_a_deleted_file_stays_deleted(app: Files) -> None:
    files = {path: stored for path, stored in app.items() if path != "tests/test_poll.py"}
    assert updated(files, "poll").changes == ()
    plan = updated(changed(files, *RETYPED), "poll")
    assert "tests/test_poll.py" not in applied(files, plan)
    assert "tests/test_poll.py was deleted and stays so; it would be another now" in plan.notices


def test_other_line_ends_are_no_edit(app: Files) -> None:
    path = "app/validators/poll.py"
    files = written(app, path, text_of(app, path).replace("\n", "\r\n"))
    plan = updated(changed(files, *RENAMED), "poll")
    assert not plan.conflicts
    assert text_of(applied(files, plan), path).count("\n") == text_of(applied(files, plan), path).count("\r\n")


def test_a_part_that_the_spec_leaves_out_now_goes(app: Files) -> None:
    plan = updated(changed(app, "fields:", "card: false\nform: false\nfeeds: []\nfields:"), "poll")
    assert {change.path for change in plan.deletes} == {
        "app/templates/cards/poll.html",
        "app/templates/forms/poll.html",
    }
    assert "POLL" not in text_of(applied(app, plan), "app/feed.py")


def test_a_file_of_the_users_own_is_in_the_way_of_a_new_one(app: Files) -> None:
    files = applied(app, updated(changed(app, "fields:", "card: false\nfields:"), "poll"))
    files = written(written(files, SPEC, POLL), "app/templates/cards/poll.html", "mine\n")
    with pytest.raises(ConflictError, match=r"app/templates/cards/poll.html: exists with other content"):
        updated(files, "poll", Options(chosen(None, created="abort", changed="markers")))


def test_a_changed_layout_is_no_edit(app: Files) -> None:
    """What `ruff format --line-length 79` does to the app, and its own files, is kept."""
    narrow = Formatters({".py": ("ruff", "format", "--line-length", "79", "-q", "-")})
    files = dict(app)
    for path in [path for path in app if path.endswith(".py")]:
        files = written(files, path, narrow.formatted(path, files[path].content).decode())
    assert files != app
    spec = POLL + "  votes: {type: int, required: false}\n"
    plan = updated(written(files, SPEC, spec), "poll")
    assert (plan.conflicts, plan.warnings) == ((), ())
    plan = updated(written(files, SPEC, spec), "poll", Options(formatters=narrow))
    assert not plan.conflicts
    after = applied(files, plan)
    for path in [path for path in after if path.endswith(".py")]:
        assert narrow.formatted(path, after[path].content) == after[path].content, path


def test_bad_input_is_named_with_its_remedy(app: Files) -> None:
    with pytest.raises(NotGeneratedError) as caught:
        updated(app, "pol")
    assert "mesh did not generate a type 'pol' here" in str(caught.value)
    assert "poll" in str(caught.value)
    with pytest.raises(NoSpecError):
        updated({path: stored for path, stored in app.items() if path != SPEC}, "poll")
    with pytest.raises(SpecError, match="there is no feed 'nowhere'"):
        updated(changed(app, "fields:", "feeds: [nowhere]\nfields:"), "poll")
    with pytest.raises(SpecError, match="is every post's own"):
        updated(changed(app, "{type: date}", "{type: date, column: likes}"), "poll")


def test_a_type_without_a_spec_is_left_out_of_all(app: Files) -> None:
    files = {path: stored for path, stored in app.items() if path != "specs/event.yaml"}
    plan = updated(files)
    assert plan.warnings == ("event has no spec any more: mesh remove event takes it out",)
