"""A new app gets five types, a real PostgreSQL migrates, and every check and test of the app passes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.generate.check import check
from mesh_scaffold.generate.new import plan_new
from mesh_scaffold.spec.read import read_spec
from mesh_scaffold.steps import Holds, NotApplicable, Target
from mesh_scaffold.tree import Memory, Tree

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile

HOSTILE = Path(__file__).with_name("hostile_requests.py")
"""Tests that the app runs beside its own."""


def add_types(tree: Tree, target: Target, project: ProjectFile, specs: dict[str, str]) -> Tree:
    for name, text in specs.items():
        tree.write(f"specs/{name}.yaml", text)
    for name, text in specs.items():
        plan_new(tree, target, read_spec(text.encode(), f"specs/{name}.yaml"), project)
    return tree


def written(folder: Path, app_files: dict[str, bytes], tree: Tree) -> Path:
    for path, content in {**app_files, **{change.path: tree.read(change.path) for change in tree.changes()}}.items():
        assert content is not None
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def run(app: Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MESH_ENV"))}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=app, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def grown_tree(app_files: dict[str, bytes], target: Target, project: ProjectFile, specs: dict[str, str]) -> Tree:
    """The app with the five types."""
    return add_types(Tree(Memory(app_files)), target, project, specs)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory, app_files: dict[str, bytes], grown_tree: Tree) -> Path:
    """The same on disk."""
    return written(tmp_path_factory.mktemp("grown") / "app", app_files, grown_tree)


def test_the_code_passes_the_linter_and_needs_no_formatter(grown: Path) -> None:
    run(grown, "ruff", "check", "--no-cache", ".")
    run(grown, "ruff", "format", "--no-cache", "--check", ".")


LONGEST = "t" * 58
LONG = f"""
kind: post-type
name: {LONGEST}
fields:
  a: {{type: "list[string]", column: a, default: [{", ".join("x" * 30 for _ in range(5))}]}}
  b: {{type: "list[string]", column: b, min_items: 1, max_items: 9, default: [{", ".join("x" * 30 for _ in range(5))}]}}
  c: {{type: "list[int]", column: c, default: [{", ".join(str(10**9 + n) for n in range(12))}]}}
  d: {{type: "list[date]", column: d, default: [{", ".join(f"2026-01-0{n}" for n in range(1, 9))}]}}
  e: {{type: json, column: e, default: {{k: {{m: [{", ".join("x" * 30 for _ in range(5))}], n: [1, 2]}}, o: {{}}}}}}
  f: {{type: "list[enum]", column: f, values: [{", ".join(letter * 30 for letter in "abcd")}], default: [{"a" * 30}]}}
  g: {{type: string}}
"""


def test_long_values_and_the_longest_name_need_no_formatter_either(
    tmp_path: Path, app_files: dict[str, bytes], target: Target, project: ProjectFile
) -> None:
    tree = add_types(Tree(Memory(app_files)), target, project, {LONGEST: LONG})
    app = written(tmp_path / "app", app_files, tree)
    run(app, "ruff", "check", "--no-cache", ".")
    run(app, "ruff", "format", "--no-cache", "--check", ".")


def test_the_code_passes_the_type_checker(grown: Path, tmp_path: Path) -> None:
    run(grown, "mypy", "--cache-dir", str(tmp_path))


def test_every_test_of_the_app_passes_on_a_migrated_database(grown: Path, tmp_path: Path) -> None:
    copy = tmp_path / "app"
    shutil.copytree(grown, copy)
    (copy / "tests" / "test_hostile_requests.py").write_bytes(HOSTILE.read_bytes())

    output = run(copy, "pytest", "-q", "-p", "no:cacheprovider")

    assert re.search(r"\d+ passed", output)
    assert "skipped" not in output


def test_every_step_holds_for_every_type(
    grown_tree: Tree, target: Target, project: ProjectFile, specs: dict[str, str]
) -> None:
    matrix = check(grown_tree, target, project)

    assert matrix.types == ("text", "image", "product_review", *specs)
    assert matrix.findings == ()
    unlike = [key for key, verdict in matrix.verdicts.items() if not isinstance(verdict, Holds | NotApplicable)]
    assert unlike == []


def test_a_second_run_changes_nothing(
    grown_tree: Tree, target: Target, project: ProjectFile, specs: dict[str, str]
) -> None:
    before = {change.path: change.after for change in grown_tree.changes()}

    add_types(grown_tree, target, project, specs)

    assert {change.path: change.after for change in grown_tree.changes()} == before


def mangled(content: bytes) -> bytes:
    """A Python file as nobody formats it: tabs, CRLF, spaces at line ends, no line break at the end."""
    lines = content.decode().rstrip("\n").split("\n")
    tabbed = [re.sub(r"^( {4})+", lambda found: "\t" * (len(found[0]) // 4), line) for line in lines]
    spaced = [
        line + ("  " if number % 3 == 0 and not line.endswith("\\") else "") for number, line in enumerate(tabbed)
    ]
    return "\r\n".join(spaced).encode()


def test_hand_written_lines_stay_as_they_are_in_a_mangled_app(
    app_files: dict[str, bytes], target: Target, project: ProjectFile, specs: dict[str, str], tmp_path: Path
) -> None:
    odd = {path: mangled(content) if path.endswith(".py") else content for path, content in app_files.items()}
    chosen = {name: specs[name] for name in ("poll", "event", "playlist")}
    tree = add_types(Tree(Memory(odd)), target, project, chosen)

    edited = [change for change in tree.changes() if change.before is not None]
    assert [change.path for change in edited] == [
        "app/actions.py",
        "app/feed.py",
        "app/models.py",
        "app/validators/__init__.py",
    ]
    for change in edited:
        assert change.before is not None
        assert change.after is not None
        new = change.after.content.split(b"\r\n")
        assert not any(b"\n" in line or b"\r" in line for line in new)
        rest = iter(new)
        assert all(line in rest for line in change.before.content.split(b"\r\n")), change.path
    app = written(tmp_path / "app", odd, tree)
    run(app, "pytest", "-q", "-p", "no:cacheprovider", "tests/test_poll.py", "tests/test_text.py")
