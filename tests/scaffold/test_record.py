from __future__ import annotations

import json

import pytest

from mesh_scaffold.record import GeneratedFile, Record, RecordError, read_record, record_path, write_record
from mesh_scaffold.steps import Fragment
from mesh_scaffold.tree import Memory, Tree

RECORD = Record(
    kind="post-type",
    name="poll",
    target="python",
    spec={"kind": "post-type", "name": "poll", "label": "Ümfrage"},
    files=(GeneratedFile("app/validators/poll.py", "validator", b"x = 1\r\n"), GeneratedFile("a.png", "icon", b"\xff")),
    fragments=(
        Fragment("enum-member", "app/models.py", "PostType.POLL", 'POLL = "POLL"', before="\n    "),
        Fragment("feeds", "app/feed.py", "FEEDS['global']", "PostType.POLL", after=",", origin="found"),
    ),
)


def test_a_record_is_written_through_the_tree_and_read_back() -> None:
    tree = Tree(Memory({}))
    write_record(tree, RECORD)
    assert read_record(tree, "post-type", "poll") == RECORD
    assert [change.path for change in tree.changes()] == [".mesh/.gitattributes", ".mesh/record/post-type.poll.json"]
    assert tree.read(".mesh/.gitattributes") == b"* -text linguist-generated\n"


def test_what_tells_git_about_records_is_left_alone_where_it_is() -> None:
    tree = Tree(Memory({".mesh/.gitattributes": "mine\n"}))
    write_record(tree, RECORD)
    assert tree.read(".mesh/.gitattributes") == b"mine\n"


def test_equal_records_are_equal_bytes() -> None:
    assert Record.from_json(RECORD.to_json(), "x").to_json() == RECORD.to_json()


def test_every_kind_has_its_own_file_and_the_app_one() -> None:
    assert record_path("post-type", "poll") == ".mesh/record/post-type.poll.json"
    assert record_path("app", "app") == ".mesh/record/app.json"


def test_nothing_generated_has_no_record() -> None:
    assert read_record(Tree(Memory({})), "post-type", "poll") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{\n", r"post-type\.poll\.json:2: is not a record that mesh wrote \(JSONDecodeError"),
        (
            "{\n<<<<<<< ours\n}",
            r"post-type\.poll\.json:2: has conflict markers of a merge\n.*, then: mesh record rebuild poll",
        ),
        ("{}\n>>>>>>> other\n", r"post-type\.poll\.json:2: has conflict markers of a merge"),
        ("[]", "is not a record that mesh wrote"),
        ("{}", r"is not a record that mesh wrote \(KeyError: 'format'\)"),
        (json.dumps({"format": 2}), "has format 2, this mesh reads 1\n  Install the version of mesh-scaffold"),
        (json.dumps({**json.loads(RECORD.to_json()), "fragments": [{}]}), "is not a record that mesh wrote"),
    ],
)
def test_a_damaged_record_is_named_with_a_remedy(text: str, message: str) -> None:
    tree = Tree(Memory({".mesh/record/post-type.poll.json": text}))
    with pytest.raises(RecordError, match=message) as caught:
        read_record(tree, "post-type", "poll")
    assert caught.value.problems[0].remedy
