from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.errors import MeshError
from mesh_scaffold.generate.new import BlockedError, ConflictError, DuplicateTypeError, SpecChangedError, plan_new
from mesh_scaffold.generate.specs import load_spec
from mesh_scaffold.record import read_record
from mesh_scaffold.spec.findings import SpecError
from mesh_scaffold.tree import Memory, Tree

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.plan import Plan
    from mesh_scaffold.steps import Target

POLL = "kind: post-type\nname: poll\nfields: {question: {type: string}}\n"
FILES = {"types.txt": "text\nimage\n", "cards/text.txt": "Text\n", "specs/poll.yaml": POLL}


def new(
    files: dict[str, str], target: Target, settings: ProjectFile, path: str = "specs/poll.yaml"
) -> tuple[Plan, Tree]:
    tree = Tree(Memory(files))
    return plan_new(tree, target, load_spec(tree, settings, path), settings), tree


def applied(files: dict[str, str], plan: Plan) -> dict[str, str]:
    return files | {change.path: change.after.content.decode() for change in plan.changes if change.after}


def test_every_step_is_taken_and_what_they_did_is_recorded(target: Target, settings: ProjectFile) -> None:
    plan, tree = new(FILES, target, settings)
    assert [change.path for change in plan.creates] == [
        ".mesh/.gitattributes", ".mesh/record/post-type.poll.json", "cards/poll.txt",
    ]  # fmt: skip
    assert [change.path for change in plan.edits] == ["types.txt"]
    assert (plan.command, plan.notices, plan.warnings) == (
        "new post-type poll", ("a line was added",), ("look at the card",),
    )  # fmt: skip
    record = read_record(tree, "post-type", "poll")
    assert record is not None
    assert [(file.path, file.step, file.content) for file in record.files] == [("cards/poll.txt", "card", b"Poll\n")]
    assert [(fragment.step, fragment.syntax_path) for fragment in record.fragments] == [("type-line", "poll")]
    assert (record.target, record.spec["label"]) == ("tiny", "Poll")


def test_the_plan_rests_on_the_spec_and_on_every_file_that_was_looked_at(target: Target, settings: ProjectFile) -> None:
    plan, _ = new(FILES, target, settings)
    assert {"specs/poll.yaml", "types.txt", "cards/poll.txt", ".mesh/record/post-type.poll.json"} <= set(plan.hashes)
    assert plan.hashes["cards/poll.txt"] is None


def test_a_second_run_changes_nothing(target: Target, settings: ProjectFile) -> None:
    plan, _ = new(FILES, target, settings)
    again, _ = new(applied(FILES, plan), target, settings)
    assert again.changes == ()
    assert again.notices == ("poll is generated from specs/poll.yaml already",)


def test_comments_and_layout_of_the_spec_are_no_change(target: Target, settings: ProjectFile) -> None:
    plan, _ = new(FILES, target, settings)
    files = applied(FILES, plan) | {"specs/poll.yaml": f"# A poll.\n{POLL}card: true\n"}
    assert new(files, target, settings)[0].changes == ()


def test_a_changed_spec_is_the_work_of_update(target: Target, settings: ProjectFile) -> None:
    plan, _ = new(FILES, target, settings)
    files = applied(FILES, plan) | {"specs/poll.yaml": f"{POLL}label: Vote\n"}
    with pytest.raises(SpecChangedError) as caught:
        new(files, target, settings)
    assert str(caught.value) == ("specs/poll.yaml: has changed since poll was generated\n  Run mesh update poll.")
    assert caught.value.exit_code == 2


def test_a_type_that_somebody_wrote_by_hand_is_a_duplicate_with_its_place(
    target: Target, settings: ProjectFile
) -> None:
    files = {**FILES, "specs/image.yaml": POLL.replace("poll", "image")}
    with pytest.raises(DuplicateTypeError) as caught:
        new(files, target, settings, "specs/image.yaml")
    assert str(caught.value) == (
        "types.txt:2: the code has a type 'image' already, which mesh did not generate\n"
        "  Choose another name for the new type."
    )
    assert caught.value.exit_code == 2


def test_two_types_with_one_class_name_are_refused(target: Target, settings: ProjectFile) -> None:
    files = {**FILES, "specs/a1.yaml": POLL.replace("poll", "a1"), "specs/a_1.yaml": POLL.replace("poll", "a_1")}
    with pytest.raises(DuplicateTypeError, match=r"specs/a_1.yaml:2:7: the types 'a1' and 'a_1' are both 'A1'"):
        new(files, target, settings, "specs/a_1.yaml")


def test_a_rename_of_a_type_that_is_there_is_the_work_of_update(target: Target, settings: ProjectFile) -> None:
    files = {**FILES, "specs/poll.yaml": f"{POLL}renamed_from: text\n"}
    with pytest.raises(SpecChangedError, match=r"specs/poll.yaml:4:15: renames the type 'text', which is there"):
        new(files, target, settings)


def test_what_the_target_objects_to_is_a_mistake_of_the_spec(target: Target, settings: ProjectFile) -> None:
    files = {**FILES, "specs/poll.yaml": f"{POLL}feeds: [home]\n"}
    with pytest.raises(SpecError) as caught:
        new(files, target, settings)
    assert str(caught.value) == "specs/poll.yaml:4:8: there is no feed 'home'\n  Known: global."


def test_a_step_that_is_blocked_stops_everything(target: Target, settings: ProjectFile) -> None:
    with pytest.raises(BlockedError) as caught:
        new({"specs/poll.yaml": POLL}, target, settings)
    assert str(caught.value) == "types.txt: line in types.txt: there is no types.txt\n  Write one."
    assert caught.value.exit_code == 2


def test_an_error_in_a_step_is_listed_with_the_other_blocks(target: Target, settings: ProjectFile) -> None:
    with pytest.raises(MeshError) as caught:
        new({"specs/poll.yaml": POLL, "cards": "a file"}, target, settings)
    assert [problem.message for problem in caught.value.problems] == [
        "line in types.txt: there is no types.txt",
        "is a file where a folder is needed",
    ]


def test_a_file_that_is_in_the_way_is_a_conflict(target: Target, settings: ProjectFile) -> None:
    with pytest.raises(ConflictError) as caught:
        new({**FILES, "cards/poll.txt": "mine\n"}, target, settings)
    assert str(caught.value) == (
        "cards/poll.txt: exists with other content; nothing was written\n  Rename, move or delete the file, "
        "or choose: --on-conflict keep, overwrite, merge or markers."
    )
    assert caught.value.exit_code == 1


def test_a_file_that_is_there_as_it_would_be_is_no_conflict(target: Target, settings: ProjectFile) -> None:
    plan, tree = new({**FILES, "cards/poll.txt": "Poll\n"}, target, settings)
    assert "cards/poll.txt" not in [change.path for change in plan.changes]
    record = read_record(tree, "post-type", "poll")
    assert record is not None
    assert [file.path for file in record.files] == ["cards/poll.txt"]


def test_a_damaged_record_is_named(target: Target, settings: ProjectFile) -> None:
    with pytest.raises(MeshError, match=r"post-type\.poll\.json:1: is not a record that mesh wrote"):
        new({**FILES, ".mesh/record/post-type.poll.json": "x"}, target, settings)


def test_two_types_do_not_touch_each_others_records(target: Target, settings: ProjectFile) -> None:
    files = {**FILES, "specs/vote.yaml": POLL.replace("poll", "vote")}
    files = applied(files, new(files, target, settings)[0])
    plan, _ = new(files, target, settings, "specs/vote.yaml")
    assert [change.path for change in plan.changes] == [
        ".mesh/record/post-type.vote.json",
        "cards/vote.txt",
        "types.txt",
    ]
    assert json.loads(applied(files, plan)[".mesh/record/post-type.vote.json"])["name"] == "vote"
