from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.errors import Place
from mesh_scaffold.plan import Plan
from mesh_scaffold.steps import DEFAULT_TERMS, Blocked, Fragment, Holds, Made, Missing, Subject, Terms, Unchanged
from mesh_scaffold.testing import (
    MemoryApp,
    assert_blocked,
    assert_creates,
    assert_deletes,
    assert_patch,
    assert_step,
    assert_unchanged,
    new_app,
    project,
    spec,
)
from mesh_scaffold.tree import Stored, Tree

if TYPE_CHECKING:
    from mesh_scaffold.spec.model import PostTypeSpec


def test_a_spec_is_read_from_its_text() -> None:
    assert spec("kind: post-type\nname: poll\nfields: {a: {type: int}}\n").path == "specs/poll.yaml"


def test_what_a_step_made_is_asserted_file_by_file() -> None:
    tree = project({"a.py": "one\r\ntwo\r\n", "b.py": "same\n"})
    tree.write("a.py", "one\r\n2\r\n")
    tree.write("c.py", "new\n")
    assert_creates(tree, "c.py", "new\n")
    assert_patch(tree, "a.py", "  one\n-two\n+2\n")
    assert_unchanged(tree, "b.py")


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda tree: assert_creates(tree, "b.py"), "b.py was not written; the tree changed a.py"),
        (lambda tree: assert_creates(tree, "a.py"), "a.py was there before"),
        (lambda tree: assert_patch(tree, "b.py", "+x"), "b.py was not changed; the tree changed a.py"),
        (lambda tree: assert_patch(tree, "a.py", "+x"), "the changed lines of a.py are others"),
        (lambda tree: assert_unchanged(tree), "changed: a.py"),
        (lambda tree: assert_unchanged(tree, "b.py", "a.py"), "changed: a.py"),
    ],
)
def test_what_is_not_so_fails(check: object, message: str) -> None:
    tree = project({"a.py": "1\n", "b.py": "2\n"})
    tree.write("a.py", "x\n")
    with pytest.raises(AssertionError, match=message):
        check(tree)  # type: ignore[operator]


def test_plans_are_asked_as_trees_are() -> None:
    tree = project({"a.py": "1\n", "b.py": "2\n"})
    tree.write("c.py", "3\n")
    tree.delete("b.py")
    plan = Plan.of(tree, "test")
    assert_creates(plan, "c.py", "3\n")
    assert_deletes(plan, "b.py")
    assert_unchanged(plan, "a.py")
    with pytest.raises(AssertionError, match=r"a.py stays as it is; the plan changed b.py, c.py"):
        assert_deletes(plan, "a.py")
    with pytest.raises(AssertionError, match=r"c.py was written"):
        assert_deletes(plan, "c.py")


POLL = "kind: post-type\nname: poll\nfields: {question: {type: string}}\n"


def test_an_app_in_memory_goes_through_mesh_new(mesh_app: MemoryApp) -> None:
    app = mesh_app.with_file("specs/poll.yaml", POLL)
    plan = app.plan_new("poll")
    assert_patch(plan, "app/validators/__init__.py", """
+from app.validators.poll import PollValidation
+    PostType.POLL: PollValidation,
""")  # fmt: skip
    after = app.after(plan)
    assert "poll_question" in after.text("app/validators/poll.py")
    assert_unchanged(after.plan_new("poll"))
    assert mesh_app.files == new_app().files, "an app never changes"


@dataclass(frozen=True)
class LineStep:
    """`types.txt` has a line with the type's name; what it does wrong is said."""

    wrong: str = ""
    name: str = "line"
    title: str = "a line"

    def check(self, tree: Tree, subject: Subject) -> Holds | Missing:
        held = subject.name in (tree.read_text("types.txt") or "").split()
        return Holds() if held and self.wrong != "blind" else Missing(Place("types.txt"), "Add it.")

    def change(
        self,
        tree: Tree,
        old: PostTypeSpec | None,
        new: PostTypeSpec | None,
        fragments: tuple[Fragment, ...],
        terms: Terms = DEFAULT_TERMS,
    ) -> Made | Unchanged | Blocked:
        del fragments, terms
        text = tree.read_text("types.txt") or ""
        if self.wrong == "blocked":
            return Blocked("there is no room", None, "Make room.")
        if new and (f"{new.name}\n" not in text or self.wrong == "twice"):
            tree.write("types.txt", f"{text}{new.name}\n")
            return Made((Fragment(self.name, "types.txt", new.name, f"{new.name}\n"),))
        if old and not new and self.wrong != "stays":
            tree.write("types.txt", text.replace(f"{old.name}\n", ""))
            return Made()
        return Unchanged()


FILES = {"types.txt": Stored(b"text\n", 0o644)}


def test_a_step_that_keeps_its_promises_passes() -> None:
    tree = assert_step(LineStep(), FILES, spec(POLL))
    assert_patch(tree, "types.txt", "+poll")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("blind", "line made its fact hold, and its check says Missing"),
        ("twice", "line changed something the second time"),
        ("stays", "line was taken out and left types.txt other than it was"),
        ("blocked", "line did not make its fact hold: Blocked"),
    ],
)
def test_a_step_that_breaks_a_promise_is_told_which(wrong: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_step(LineStep(wrong), FILES, spec(POLL))
    with pytest.raises(AssertionError, match="was not missing before"):
        assert_step(LineStep(), {"types.txt": Stored(b"poll\n", 0o644)}, spec(POLL))


def test_a_blocked_step_says_why_and_what_to_do() -> None:
    blocked = LineStep("blocked").change(project({}), None, spec(POLL), ())
    assert_blocked(blocked, "no room")
    with pytest.raises(AssertionError, match="the step says 'there is no room'"):
        assert_blocked(blocked, "no time")
    with pytest.raises(AssertionError, match="was not blocked"):
        assert_blocked(Unchanged(), "")
    with pytest.raises(AssertionError, match="does not say what to do"):
        assert_blocked(Blocked("x"), "x")


def test_pytest_loads_nothing_heavy_of_mesh_by_itself() -> None:
    program = "import sys, mesh_scaffold.pytest_plugin; print([m for m in sys.modules if m.startswith('mesh_')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "['mesh_scaffold', 'mesh_scaffold.pytest_plugin']\n"
