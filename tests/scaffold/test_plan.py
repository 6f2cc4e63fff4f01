from __future__ import annotations

import json

from mesh_scaffold.plan import Plan
from mesh_scaffold.tree import Memory, Stored, Tree, digest


def make_plan() -> Plan:
    tree = Tree(Memory({"edit.py": Stored(b"old", 0o755), "gone.py": b"gone", "read.py": b"read"}))
    tree.read("read.py")
    tree.write("edit.py", "new")
    tree.write("new.bin", b"\xff")
    tree.delete("gone.py")
    return Plan.of(tree, "new post-type poll", ("a notice",), ("a warning",))


def test_a_plan_sorts_its_changes_by_what_happens() -> None:
    plan = make_plan()
    assert [change.path for change in plan.creates] == ["new.bin"]
    assert [change.path for change in plan.edits] == ["edit.py"]
    assert [change.path for change in plan.deletes] == ["gone.py"]


def test_a_plan_as_json_holds_all_that_applying_it_takes() -> None:
    document = make_plan().to_json()
    assert json.loads(json.dumps(document)) == {
        "format": 1,
        "command": "new post-type poll",
        "changes": [
            {"path": "edit.py", "kind": "edit", "before": {"sha256": digest(b"old"), "mode": "0755"},
             "after": {"text": "new", "mode": "0755"}},
            {"path": "gone.py", "kind": "delete", "before": {"sha256": digest(b"gone"), "mode": "0644"}, "after": None},
            {"path": "new.bin", "kind": "create", "before": None, "after": {"base64": "/w==", "mode": "0644"}},
        ],
        "hashes": {"edit.py": digest(b"old"), "gone.py": digest(b"gone"), "new.bin": None, "read.py": digest(b"read")},
        "notices": ["a notice"],
        "warnings": ["a warning"],
        "conflicts": [],
    }  # fmt: skip
