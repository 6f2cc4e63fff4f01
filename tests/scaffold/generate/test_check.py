from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.errors import Place
from mesh_scaffold.generate.check import UnknownTypeError, check
from mesh_scaffold.steps import Holds, Missing, NotApplicable, Unknown
from mesh_scaffold.tree import Memory, Tree

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.steps import Target

FILES = {
    "types.txt": "text\nimage\nbare\n",
    "cards/text.txt": "Text\n",
    "cards/image.txt": "broken",
    "specs/bare.yaml": "kind: post-type\nname: bare\ncard: false\nfields: {a: {type: int}}\n",
    "specs/poll.yaml": "kind: post-type\nname: poll\nfields: {a: {type: int}}\n",
}


def test_types_of_the_code_and_specs_without_code_are_judged_by_every_step(
    target: Target, settings: ProjectFile
) -> None:
    matrix = check(Tree(Memory(FILES)), target, settings)
    assert matrix.types == ("text", "image", "bare", "poll")
    assert [step.name for step in matrix.steps] == ["type-line", "card"]
    assert matrix.verdicts["text", "type-line"] == Holds(Place("types.txt", 1))
    assert matrix.verdicts["image", "card"] == Unknown("the card is broken", Place("cards/image.txt", 1))
    assert matrix.verdicts["bare", "card"] == NotApplicable("card: false")
    assert matrix.verdicts["poll", "type-line"] == Missing(Place("types.txt"), "Add the line poll.")


def test_findings_name_type_fact_place_and_remedy(target: Target, settings: ProjectFile) -> None:
    matrix = check(Tree(Memory(FILES)), target, settings)
    assert [str(problem) for problem in matrix.findings] == [
        "cards/image.txt:1: image: cannot tell: card: the card is broken",
        "types.txt: poll: missing: line in types.txt\n  Add the line poll.",
        "cards/poll.txt: poll: missing: card\n  Write the card.",
    ]


def test_a_spec_that_cannot_be_read_is_a_finding_and_its_type_is_judged_all_the_same(
    target: Target, settings: ProjectFile
) -> None:
    files = {"types.txt": "text\n", "cards/text.txt": "Text\n", "specs/text.yaml": "kind: x\n"}
    matrix = check(Tree(Memory(files)), target, settings)
    assert isinstance(matrix.verdicts["text", "card"], Holds)
    assert str(matrix.findings[0]).startswith("specs/text.yaml:1:1: has no name")


def test_one_type_can_be_judged_alone(target: Target, settings: ProjectFile) -> None:
    matrix = check(Tree(Memory(FILES)), target, settings, "text")
    assert matrix.types == ("text",)
    assert matrix.findings == ()


def test_a_type_that_is_not_there_is_told_what_is(target: Target, settings: ProjectFile) -> None:
    with pytest.raises(UnknownTypeError) as caught:
        check(Tree(Memory(FILES)), target, settings, "txt")
    assert str(caught.value) == ("there is no type 'txt'\n  Did you mean 'text'? Known: text, image, bare, poll.")


def test_a_step_that_raises_cannot_tell(target: Target, settings: ProjectFile) -> None:
    tree = Tree(Memory({"types.txt": b"text\n", "cards/text.txt": b"\xff"}))
    matrix = check(tree, target, settings)
    assert matrix.verdicts["text", "card"] == Unknown(
        "is not UTF-8 text", Place("cards/text.txt", 1), "Save the file as UTF-8."
    )


def test_the_matrix_as_json(target: Target, settings: ProjectFile) -> None:
    document = check(Tree(Memory(FILES)), target, settings).to_json()
    assert json.loads(json.dumps(document)) == document
    assert document["steps"][0] == {"name": "type-line", "title": "line in types.txt"}
    assert document["types"]["text"]["type-line"] == {"verdict": "holds", "place": {"path": "types.txt", "line": 1}}
    assert document["types"]["bare"]["card"] == {"verdict": "not applicable", "reason": "card: false"}
    assert document["types"]["poll"]["card"] == {
        "verdict": "missing", "place": {"path": "cards/poll.txt"}, "remedy": "Write the card.",
    }  # fmt: skip
    assert document["types"]["image"]["card"]["verdict"] == "unknown"
    assert len(document["findings"]) == 3


def test_nothing_is_changed_by_a_check(target: Target, settings: ProjectFile) -> None:
    tree = Tree(Memory(FILES))
    check(tree, target, settings)
    assert tree.changes() == ()
