from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_scaffold.plan import Plan
from mesh_scaffold.planfile import MovedPlanError, PlanFileError, read_plan
from mesh_scaffold.tree import Disk, Memory, Stored, Tree, digest

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"edit.py": Stored(b"old", 0o755), "gone.py": b"gone", "read.py": b"read"}


def make_plan() -> Plan:
    tree = Tree(Memory(FILES))
    tree.read("read.py")
    tree.write("edit.py", "new \u202e\u00e9\r\n")
    tree.write("new.bin", b"\xff", mode=0o700)
    tree.delete("gone.py")
    made = Plan.of(tree, "new post-type poll", ("a notice",), ("a warning",))
    conflicts = (Problem("1 conflict marked", Place("edit.py", 3), "Resolve it."),)
    return Plan(made.command, made.changes, made.hashes, made.notices, made.warnings, conflicts)


def document(**changes: Any) -> dict[str, Any]:
    return {**make_plan().to_json(), **changes}


def created(path: str, **changes: Any) -> dict[str, Any]:
    """A plan that creates a file."""
    change = {"path": path, "kind": "create", "before": None, "after": {"text": "x", "mode": "0644"}, **changes}
    return document(changes=[change], hashes={path: None})


def read(document: object, files: Any = None) -> Plan:
    return read_plan(json.dumps(document).encode(), "poll.plan", Memory(files or FILES))


def test_a_plan_comes_back_as_it_was() -> None:
    assert read(make_plan().to_json()) == make_plan()


@given(st.binary(max_size=20), st.text(max_size=20))
def test_any_content_comes_back_as_it_was(binary: bytes, text: str) -> None:
    tree = Tree(Memory({}))
    tree.write("binary", binary)
    tree.write("text", text.encode("utf-8", "replace"))
    plan = Plan.of(tree, "new")
    assert read(plan.to_json(), {"other": b""}).changes == plan.changes


def test_what_a_dry_run_prints_as_json_is_a_plan_too() -> None:
    assert read(document(applied=False, next=["mesh db migrate"])) == make_plan()


@pytest.mark.parametrize(
    ("hostile", "message"),
    [
        (created("../outside"), "changes.0.path: is no plan: '../outside' is no path inside the project"),
        (created("/etc/passwd"), "'/etc/passwd' is no path inside the project\n  Make the plan again: mesh plan"),
        (created("a/../../b"), "is no path inside the project"),
        (created("a\\b"), "is no path inside the project"),
        (created("a\x00b"), "is no path inside the project"),
        (created(".git/hooks/pre-commit"), "is git's own"),
        (created("app/.GIT/config"), "is git's own"),
        (created(".mesh/local/undo/1/committed"), "is mesh's own"),
        (created(".MESH/Local/lock"), "is mesh's own"),
        (created("a", after={"base64": "%%%", "mode": "0644"}), "field changes.0.after: is no plan: base64: "),
        (created("a", after={"base64": "eA", "mode": "0644"}), "base64: Incorrect padding"),
        (created("a", after={"mode": "0644"}), "has either text or base64"),
        (created("a", after={"text": "x", "base64": "eA==", "mode": "0644"}), "has either text or base64"),
        (created("a", after={"text": "x", "mode": "4755"}), "holds more than the permission bits"),
        (created("a", after={"text": "x", "mode": "rwx"}), "String should match pattern"),
        (created("a", after={"text": 1, "mode": "0644"}), "Input should be a valid string"),
        (created("a", kind="delete"), "is no delete"),
        (created("a", extra=1), "Extra inputs are not permitted"),
        (document(format=2), "poll.plan, field format: has format 2, this mesh reads 1\n  Make the plan again with"),
        (document(format="1"), "field format: is no plan: Input should be a valid integer"),
        (document(command="new \x1b[2J"), "holds characters that control a terminal"),
        (document(notices=["\x1b]0;\x07"]), "holds characters that control a terminal"),
        (document(hashes={}), "hashes and before say different things"),
        (document(hashes={"../a": None}), "is no path inside the project"),
        (document(changes=[make_plan().to_json()["changes"][0]] * 2), "'edit.py' is changed twice"),
        ([], "Input should be an object"),
    ],
)
def test_a_hostile_plan_is_refused_with_its_place_and_exit_code_2(hostile: object, message: str) -> None:
    with pytest.raises(PlanFileError) as caught:
        read(hostile)
    assert message in str(caught.value)
    assert str(caught.value).startswith("poll.plan")
    assert "Make the plan again" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format": 1', b"null", b'"\\ud800"'])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(PlanFileError, match=r"poll\.plan: is no plan: "):
        read_plan(content, "poll.plan", Memory({}))


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
NONSENSE = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(NONSENSE, st.sampled_from(sorted(make_plan().to_json())))
def test_nonsense_in_any_place_is_a_message(nonsense: object, key: str) -> None:
    try:
        read(document(**{key: nonsense}))
    except MeshError as error:
        assert error.problems[0].remedy  # noqa: PT017  nonsense may also make sense


def test_every_file_that_moved_is_listed_with_exit_code_1() -> None:
    with pytest.raises(MovedPlanError) as caught:
        read(document(), {**FILES, "read.py": b"mine", "new.bin": b"mine"})
    assert [str(problem) for problem in caught.value.problems] == [
        "new.bin: was changed after the plan was made; nothing was written\n  Make the plan again.",
        "read.py: was changed after the plan was made; nothing was written\n  Make the plan again.",
    ]
    assert caught.value.exit_code == 1


def test_a_plan_that_is_applied_already_changes_nothing() -> None:
    plan = read(document(), {"edit.py": "new \u202e\u00e9\r\n", "new.bin": Stored(b"\xff", 0o700)})
    assert (plan.changes, plan.notices) == ((), ("this plan is applied already",))


def test_a_mode_that_the_plan_leaves_alone_may_differ_and_one_that_it_changes_may_not() -> None:
    (edit, *_) = read(document(), {**FILES, "edit.py": Stored(b"old", 0o700)}).changes
    assert (edit.before, edit.after) == (Stored(b"old", 0o700), Stored("new \u202e\u00e9\r\n".encode(), 0o700))
    tree = Tree(Memory({"a": b"x"}))
    tree.write("a", b"x", mode=0o755)
    with pytest.raises(MovedPlanError, match="a: was changed"):
        read(Plan.of(tree, "new").to_json(), {"a": Stored(b"x", 0o600)})


@pytest.mark.parametrize("leads_to", ["outside", "project/app"])
def test_a_path_behind_a_link_is_refused_wherever_it_leads(tmp_path: Path, leads_to: str) -> None:
    for folder in ("outside", "project/app"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "project/link").symlink_to(tmp_path / leads_to)
    content = json.dumps(created("link/new.py")).encode()
    with pytest.raises(
        MeshError, match=r"link/new\.py: (leads out of the project|is behind a symbolic link)"
    ) as caught:
        read_plan(content, "poll.plan", Disk(tmp_path / "project"))
    assert caught.value.exit_code == 2


def test_a_file_where_a_folder_is_needed_and_a_folder_where_a_file_is_needed_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "b").mkdir()
    for path in ("a/new.py", "b"):
        with pytest.raises(MeshError, match=r"a: is a file where a folder is needed|b: is a folder"):
            read_plan(json.dumps(created(path)).encode(), "poll.plan", Disk(tmp_path))


def test_a_delete_and_a_binary_file_are_what_they_are() -> None:
    change = {"path": "gone.py", "kind": "delete", "before": {"sha256": digest(b"gone"), "mode": "0644"}, "after": None}
    (gone,) = read(document(changes=[change], hashes={"gone.py": digest(b"gone")})).changes
    assert gone.after is None
    (new,) = read(created("a", after={"base64": base64.b64encode(b"\0").decode(), "mode": "0644"})).changes
    assert new.after == Stored(b"\0", 0o644)
