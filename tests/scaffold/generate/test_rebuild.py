from __future__ import annotations

import pytest

from mesh_scaffold.formatting import NO_FORMATTERS
from mesh_scaffold.generate.conflicts import PendingMarkersError
from mesh_scaffold.generate.rebuild import plan_rebuild
from mesh_scaffold.record import Record, RecordError
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Memory, Tree

from .app_in_memory import Files, applied, pristine_app, removed, settings_of, text_of, updated, with_type, written

RECORD = ".mesh/record/post-type.poll.json"


@pytest.fixture(scope="module")
def app() -> Files:
    return with_type(with_type(pristine_app(), "event"), "poll")


def rebuilt(files: Files) -> Files:
    settings = settings_of(files)
    plan = plan_rebuild(Tree(Memory(files)), target_for(settings), settings, "poll", NO_FORMATTERS)
    assert [change.path for change in plan.changes] in ([], [RECORD])
    return applied(files, plan)


def marked(files: Files) -> Files:
    """The files with a record that git could not merge."""
    head, tail = text_of(files, RECORD).split('  "files": [', 1)
    side = '  "files": ['
    return written(files, RECORD, f"{head}<<<<<<< HEAD\n{side}\n=======\n{side}\n>>>>>>> other\n{tail.lstrip()}")


def test_a_record_with_markers_is_refused_with_the_remedy(app: Files) -> None:
    with pytest.raises(RecordError) as caught:
        updated(marked(app), "poll")
    assert str(caught.value).startswith(f"{RECORD}:")
    assert str(caught.value).endswith(
        "has conflict markers of a merge\n  Resolve the other files first, then: mesh record rebuild poll"
    )
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("damage", [marked, lambda files: files, lambda files: written(files, RECORD, "{")])
def test_a_rebuilt_record_takes_out_what_was_generated(app: Files, damage: object) -> None:
    files = rebuilt(damage(app))  # type: ignore[operator]
    assert Record.from_json(text_of(files, RECORD), RECORD).name == "poll"
    assert not updated(files, "poll").conflicts
    after = applied(files, removed(files, "poll"))
    assert "poll" not in text_of(after, "app/models.py")
    assert text_of(after, "app/actions.py") == text_of(with_type(pristine_app(), "event"), "app/actions.py")


def test_what_both_sides_say_is_believed(app: Files) -> None:
    files = rebuilt(marked(app))
    assert files[RECORD] == app[RECORD]


def test_other_files_are_resolved_first(app: Files) -> None:
    text = text_of(app, "app/validators/poll.py")
    files = written(app, "app/validators/poll.py", f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n")
    with pytest.raises(PendingMarkersError, match=r"app/validators/poll.py:1: has conflicts to resolve"):
        rebuilt(files)
