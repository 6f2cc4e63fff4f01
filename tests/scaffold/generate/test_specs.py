from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.generate.specs import NoSpecError, SpecExistsError, all_specs, load_spec, spec_path, write_spec
from mesh_scaffold.spec.findings import SpecError
from mesh_scaffold.tree import Memory, Tree

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile

POLL = "kind: post-type\nname: poll\nfields: {question: {type: string}}\n"


@pytest.mark.parametrize("path", ["poll.yaml", "specs/deep/poll.yaml", "specs/poll.yml"])
def test_a_spec_elsewhere_is_told_where_specs_are(settings: ProjectFile, path: str) -> None:
    with pytest.raises(NoSpecError) as caught:
        load_spec(Tree(Memory({path: POLL})), settings, path)
    assert (
        str(caught.value) == f"{path}: is no spec of this project\n  Specs are specs/<name>.yaml; move the file there."
    )


def test_a_spec_that_is_missing_is_told_how_to_begin(settings: ProjectFile) -> None:
    with pytest.raises(NoSpecError) as caught:
        load_spec(Tree(Memory({})), settings, "specs/poll.yaml")
    assert str(caught.value) == (
        "specs/poll.yaml: no such file\n  Write it, or name its fields: mesh new post-type poll --field title:string"
    )


def test_a_name_that_is_none_has_no_file(settings: ProjectFile) -> None:
    with pytest.raises(SpecError, match=r"'\.\./poll' is a path, not a name"):
        spec_path(settings, "../poll")


def test_a_written_spec_enters_the_tree(settings: ProjectFile) -> None:
    tree = Tree(Memory({}))
    assert write_spec(tree, settings, "specs/poll.yaml", POLL).name == "poll"
    assert tree.read_text("specs/poll.yaml") == POLL


def test_a_spec_that_says_the_same_is_left_as_it_is(settings: ProjectFile) -> None:
    tree = Tree(Memory({"specs/poll.yaml": f"# mine\n{POLL}"}))
    write_spec(tree, settings, "specs/poll.yaml", POLL)
    assert tree.changes() == ()


def test_a_spec_that_says_something_else_is_not_overwritten(settings: ProjectFile) -> None:
    tree = Tree(Memory({"specs/poll.yaml": f"{POLL}label: Vote\n"}))
    with pytest.raises(SpecExistsError) as caught:
        write_spec(tree, settings, "specs/poll.yaml", POLL)
    assert str(caught.value) == (
        "specs/poll.yaml: exists and says something else\n"
        "  Edit the file and leave --field out: mesh new post-type specs/poll.yaml"
    )
    assert tree.changes() == ()


def test_one_bad_spec_does_not_hide_the_others(settings: ProjectFile) -> None:
    files = {"specs/poll.yaml": POLL, "specs/bad.yaml": "kind: x\n", "specs/.gitkeep": ""}
    specs, problems = all_specs(Tree(Memory(files)), settings)
    assert [spec.name for spec in specs] == ["poll"]
    assert {problem.place.path for problem in problems if problem.place} == {"specs/bad.yaml"}
