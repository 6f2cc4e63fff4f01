"""What both packages read: TOML documents with the line of every problem, and the project file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_descriptors.documents import DocumentError, line_of_key, read_toml
from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.project import NoProjectError, ProjectFile, find_project, read_project

if TYPE_CHECKING:
    from pathlib import Path


def problems_of(tmp_path: Path, text: str | bytes) -> list[Problem]:
    (tmp_path / "mesh.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DocumentError) as caught:
        read_project(tmp_path)
    return list(caught.value.problems)


def test_a_minimal_project_file_has_defaults(tmp_path: Path) -> None:
    (tmp_path / "mesh.toml").write_text('[project]\nname = "shop"\n')
    project = read_project(tmp_path)
    assert project.project.target == "python"
    assert project.posts.table == "realtime_posts"


def test_every_problem_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = '[project]\nname = "shop"\nnmae = 1\n\n[paths]\nspecs = "../outside"\n\n[refs.user]\ntable = "a b"\n'
    problems = problems_of(tmp_path, text)
    assert [(problem.place.line, problem.place.field) for problem in problems if problem.place] == [
        (3, "project.nmae"),
        (6, "paths.specs"),
        (9, "refs.user.table"),
        (8, "refs.user.type"),
    ]
    assert problems[0].message == "unknown key"
    assert "must be a relative path that stays inside the project" in problems[1].message


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"[project\n", "is not TOML", 1),
        (b"[project]\ntarget = 'python'\n", "Field required", 1),
        (b"[project]\nname = 1\n", "Input should be a valid string", 2),
        (b'[project]\nname = "a"\nname = "b"\n', "is not TOML", 3),
        (b"\xff\xfe", "is not UTF-8 text", None),
    ],
)
def test_a_broken_document_names_file_and_line(tmp_path: Path, content: bytes, message: str, line: int | None) -> None:
    (problem,) = problems_of(tmp_path, content)
    assert message in problem.message
    assert problem.place is not None
    assert (problem.place.path, problem.place.line) == ("mesh.toml", line)
    assert problem.remedy


def test_a_document_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mesh.toml"
    with pytest.raises(DocumentError, match=r"mesh\.toml: no such file\n  Write it, or correct its name\."):
        read_toml(path, ProjectFile, shown_as="mesh.toml")
    path.mkdir()
    with pytest.raises(
        DocumentError, match=r"mesh\.toml: is a folder, expected a TOML file\n  Put a file in its place"
    ):
        read_toml(path, ProjectFile, shown_as="mesh.toml")

    def fail(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", fail)
    with pytest.raises(
        DocumentError, match=r"mesh\.toml: cannot be read: Permission denied\n  Give yourself the right"
    ):
        read_toml(path, ProjectFile, shown_as="mesh.toml")


@pytest.mark.parametrize("path", ["/etc", "../up", "a/../../b", "~/x", "", "a\\b", "a\0b"])
def test_no_path_of_a_project_file_leaves_the_project(tmp_path: Path, path: str) -> None:
    import json

    text = f'[project]\nname = "shop"\n[paths]\nmigrations = {json.dumps(path)}\n'
    assert problems_of(tmp_path, text)[0].place == Place("mesh.toml", 4, field="paths.migrations")


def test_a_project_is_found_from_below_and_missed_with_a_remedy(tmp_path: Path) -> None:
    below = tmp_path / "app" / "templates"
    below.mkdir(parents=True)
    with pytest.raises(NoProjectError, match="mesh init DIR"):
        find_project(below)
    (tmp_path / "mesh.toml").touch()
    assert find_project(below) == tmp_path


def test_an_error_needs_something_to_say() -> None:
    with pytest.raises(ValueError, match="needs a message"):
        MeshError()
    error = MeshError("one", place=Place("a.py", 3), remedy="Do it.", problems=[Problem("two")])
    assert str(error) == "a.py:3: one\n  Do it.\ntwo"


@given(st.text(max_size=200), st.lists(st.text(min_size=1, max_size=5), max_size=3))
def test_looking_for_a_key_never_fails(text: str, location: list[str]) -> None:
    line = line_of_key(text, location)
    assert line is None or 1 <= line <= len(text.splitlines())
