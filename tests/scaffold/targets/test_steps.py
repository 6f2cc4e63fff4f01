"""Each step judges a fact with file and line, adds it, and says what is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.errors import MeshError, Place
from mesh_descriptors.project import ProjectFile
from mesh_scaffold.generate.check import check
from mesh_scaffold.generate.new import BlockedError, ConflictError, plan_new
from mesh_scaffold.spec.findings import SpecError
from mesh_scaffold.steps import Holds, Made, Missing, NotApplicable, Subject, Unchanged, Unknown
from mesh_scaffold.targets import target_for
from mesh_scaffold.testing import assert_creates, assert_patch, assert_unchanged, spec
from mesh_scaffold.tree import Memory, Tree

if TYPE_CHECKING:
    from mesh_scaffold.steps import Step, Target

POLL = spec("kind: post-type\nname: poll\nfields:\n  question: {type: string}\n  day: {type: date, required: false}\n")
TEXT = Subject("post-type", "text")


@pytest.fixture
def step(target: Target, request: pytest.FixtureRequest) -> Step:
    return {step.name: step for step in target.steps("post-type")}[request.param]


def replaced(tree: Tree, path: str, old: str, new: str) -> None:
    text = tree.read_text(path)
    assert text is not None
    assert old in text
    tree.write(path, text.replace(old, new))


def line_of(tree: Tree, path: str, text: str) -> int:
    lines = (tree.read_text(path) or "").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


@pytest.mark.parametrize(
    ("step", "path", "patch"),
    [
        ("enum-member", "app/models.py", '+    POLL = "POLL"'),
        (
            "post-fields",
            "app/models.py",
            "-from datetime import datetime\n+from datetime import date, datetime\n"
            "+\n+    poll_question: str | None = None\n+    poll_day: date | None = None",
        ),
        (
            "validator-entry",
            "app/validators/__init__.py",
            "+from app.validators.poll import PollValidation\n+    PostType.POLL: PollValidation,",
        ),
        (
            "create-action",
            "app/actions.py",
            '+        "poll_question": fields.get("poll_question"),\n+        "poll_day": fields.get("poll_day"),',
        ),
        ("feeds", "app/feed.py", "+        PostType.POLL,"),
        ("create-menu", "app/feed.py", "+    PostType.POLL,"),
    ],
    indirect=["step"],
)
def test_a_shared_file_gets_the_lines_and_nothing_else(tree: Tree, step: Step, path: str, patch: str) -> None:
    outcome = step.change(tree, None, POLL, ())

    assert isinstance(outcome, Made)
    assert_patch(tree, path, patch)
    assert {fragment.step for fragment in outcome.fragments} == {step.name}
    assert isinstance(step.check(tree, Subject("post-type", "poll", POLL)), Holds)
    again = step.change(tree, None, POLL, ())
    assert isinstance(again, Unchanged)
    assert {fragment.origin for fragment in again.fragments} == {"found"}


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ("enum-migration", "sql/migrations/20260501120000_poll_01_enum.sql"),
        ("columns-migration", "sql/migrations/20260501120000_poll_01_columns.sql"),
        ("validator", "app/validators/poll.py"),
        ("card", "app/templates/cards/poll.html"),
        ("form", "app/templates/forms/poll.html"),
        ("descriptor", "plugins/poll/plugin.toml"),
        ("test", "tests/test_poll.py"),
    ],
    indirect=["step"],
)
def test_a_file_of_its_own_is_created(tree: Tree, step: Step, path: str) -> None:
    outcome = step.change(tree, None, POLL, ())

    assert isinstance(outcome, Made)
    assert outcome.files == (path,)
    assert_creates(tree, path)
    assert isinstance(step.check(tree, Subject("post-type", "poll", POLL)), Holds)


def test_every_step_misses_a_type_that_is_nowhere(tree: Tree, target: Target) -> None:
    subject = Subject("post-type", "poll", POLL)

    verdicts = {step.name: step.check(tree, subject) for step in target.steps("post-type")}

    assert isinstance(verdicts.pop("node"), NotApplicable)
    assert {name for name, verdict in verdicts.items() if not isinstance(verdict, Missing)} == set()
    assert verdicts["enum-member"] == Missing(Place("app/models.py", 14), 'Add `POLL = "POLL"` to PostType.')


def test_every_remedy_says_what_to_write_and_where(tree: Tree, target: Target) -> None:
    verdicts = {step.name: step.check(tree, Subject("post-type", "poll", POLL)) for step in target.steps("post-type")}
    remedies = {name: verdict.remedy for name, verdict in verdicts.items() if isinstance(verdict, Missing)}
    assert remedies == {
        "enum-member": 'Add `POLL = "POLL"` to PostType.',
        "post-fields": "Add `poll_question: str | None = None` to Post.",
        "enum-migration": "Write a migration of its own: ALTER TYPE realtime_post_type ADD VALUE IF NOT EXISTS 'POLL';",
        "columns-migration": "Write a migration that adds poll_question to realtime_posts.",
        "validator": "Write app/validators/poll.py with a class PollValidation.",
        "validator-entry": "Add `PostType.POLL: PollValidation` to VALIDATORS.",
        "create-params": "Add `poll_question: str | None = None` to CreatePostParams.",
        "create-action": 'Add `"poll_question": fields.get("poll_question")` to row in create_post.',
        "update-params": "Add `poll_question: str | None = None` to UpdatePostParams.",
        "update-action": 'Add `if "poll_question" in params.model_fields_set: update_data["poll_question"] = '
        'fields.get("poll_question")` to update_post.',
        "card": "Write app/templates/cards/poll.html, like those beside it.",
        "form": "Write app/templates/forms/poll.html, like those beside it.",
        "feeds": 'Add `PostType.POLL` to FEEDS["global"].',
        "create-menu": "Add `PostType.POLL` to CREATE_MENU.",
        "descriptor": 'Write it: kind = "post-type", type = "poll", version and label.',
        "test": "Write tests/test_poll.py, like those beside it.",
    }


def test_the_remedies_of_a_hand_written_type_say_what_no_spec_does(tree: Tree, target: Target) -> None:
    replaced(tree, "app/models.py", "    text: str | None = None\n", "")
    replaced(tree, "app/feed.py", "        PostType.TEXT,\n", "")
    verdicts = {step.name: step.check(tree, TEXT) for step in target.steps("post-type")}
    assert {name: verdict.remedy for name, verdict in verdicts.items() if isinstance(verdict, Missing)} == {
        "post-fields": "Add `text: object | None = None` to Post, with the type that the validator gives it.",
        "feeds": 'Add `PostType.TEXT` to one of FEEDS["global"], FEEDS["reviews"].',
    }


@pytest.mark.parametrize(
    ("path", "old", "new", "step", "at"),
    [
        ("app/models.py", "    text: str | None = None\n", "", "post-fields", "class Post("),
        ("app/actions.py", '        "text": fields.get("text"),\n', "", "create-action", "row: dict"),
        ("app/validators/__init__.py", "    PostType.TEXT: TextValidation,\n", "", "validator-entry", "VALIDATORS:"),
        ("app/feed.py", "= [\n    PostType.TEXT,\n", "= [\n", "create-menu", "CREATE_MENU:"),
        ("app/feed.py", "        PostType.TEXT,\n", "", "feeds", '"global": ['),
        ("plugins/text/plugin.toml", 'type = "text"', 'type = "txt"', "descriptor", None),
        ("sql/migrations/20260101000000_app_01_posts.sql", "('TEXT', ", "(", "enum-migration", None),
        ("sql/migrations/20260101000000_app_01_posts.sql", "    image_caption text,\n", "", "columns-migration", None),
    ],
)
def test_a_fact_taken_out_by_hand_is_missed_where_it_was(
    tree: Tree, target: Target, project: ProjectFile, path: str, old: str, new: str, step: str, at: str | None
) -> None:
    replaced(tree, path, old, new)

    matrix = check(tree, target, project)

    wrong = {name: verdict for (_, name), verdict in matrix.verdicts.items() if isinstance(verdict, Missing)}
    assert set(wrong) == {step}
    place = wrong[step].place
    assert place.path in {path, "sql/migrations"}
    assert place.line == (line_of(tree, path, at) if at else None)


@pytest.mark.parametrize(
    ("path", "content", "step", "reason"),
    [
        ("app/actions.py", "def create_post(:\n", "create-action", "is not Python: invalid syntax"),
        ("app/feed.py", "FEEDS = load()\nCREATE_MENU = []\n", "feeds", "FEEDS is computed"),
        ("app/validators/text.py", "X = 1\n", "validator", "has no class TextValidation"),
        ("plugins/text/plugin.toml", "kind = 1\n", "descriptor", "is no descriptor"),
    ],
)
def test_what_cannot_be_read_is_unknown_with_the_reason(
    tree: Tree, target: Target, path: str, content: str, step: str, reason: str
) -> None:
    tree.write(path, content)
    steps = {each.name: each for each in target.steps("post-type")}

    verdict = steps[step].check(tree, TEXT)

    assert isinstance(verdict, Unknown)
    assert reason in verdict.reason
    assert verdict.place is not None
    assert verdict.place.path == path


def test_a_block_names_the_step_the_place_and_the_remedy(
    app_files: dict[str, bytes], target: Target, project: ProjectFile
) -> None:
    tree = Tree(Memory(app_files))
    replaced(tree, "app/actions.py", "row: dict[str, object] = {", "row: dict[str, object] = build({")
    replaced(tree, "app/actions.py", '"product_review_recommended"),\n    }', '"product_review_recommended"),\n    })')
    broken = Tree(Memory({**app_files, "app/actions.py": tree.read("app/actions.py") or b""}))

    with pytest.raises(BlockedError) as error:
        plan_new(broken, target, POLL, project)

    line = line_of(tree, "app/actions.py", "row: dict")  # in the user's file, not below what other steps have added
    message = f"app/actions.py:{line}: create action persists it: row is computed\n  Write row as a dict literal."
    assert str(error.value) == message


def test_a_file_in_the_way_is_a_conflict(app_files: dict[str, bytes], target: Target, project: ProjectFile) -> None:
    tree = Tree(Memory({**app_files, "tests/test_poll.py": b"mine = 1\n"}))

    with pytest.raises(ConflictError, match=r"tests/test_poll\.py: exists with other content"):
        plan_new(tree, target, POLL, project)


@pytest.mark.parametrize(
    ("fields", "message", "remedy"),
    [
        ("feeds: [home]\nfields: {q: {type: string}}", "there is no feed 'home'", "app/feed.py has global, reviews"),
        ("fields: {q: {type: string, column: likes}}", "the column 'likes' is every post's own", "another `column:`"),
        ("fields: {q: {type: string, column: copy}}", "no field of the model Post can be called 'copy'", "`column:`"),
        ("fields: {q: {type: string, column: l}}", "no field of the model Post can be called 'l'", "`column:`"),
        (f"label: {'x' * 101}\nfields: {{q: {{type: string}}}}", "the label has 101 characters", "Shorten it."),
        ("fields: {q: {type: image, default: 'javascript:1'}}", "is no image", "begins with http:// or https://"),
    ],
)
def test_a_spec_that_this_app_cannot_have_is_refused(
    tree: Tree, target: Target, project: ProjectFile, fields: str, message: str, remedy: str
) -> None:
    with pytest.raises(SpecError) as error:
        plan_new(tree, target, spec(f"kind: post-type\nname: poll\n{fields}\n"), project)

    assert message in str(error.value)
    assert remedy in str(error.value)
    assert error.value.problems[0].place is not None


def test_a_column_of_another_type_is_taken_only_by_its_name(tree: Tree, target: Target, project: ProjectFile) -> None:
    mine = "kind: post-type\nname: product\nfields: {review_text: {type: text}}\n"
    with pytest.raises(SpecError, match=r"there is a column 'product_review_text' already \(app/models.py:\d+\)"):
        plan_new(tree, target, spec(mine, "product"), project)
    shared = "kind: post-type\nname: poll\nfields: {body: {type: text, max_length: 9, column: text}}\n"

    plan_new(tree, target, spec(shared), project)

    record = tree.read_text(".mesh/record/post-type.poll.json") or ""
    assert record.count('"origin": "found"') >= 5
    assert 'OR char_length("text") <= 9' in (tree.read_text("sql/migrations/20260501120000_poll_02_columns.sql") or "")


def test_a_shared_column_of_another_type_is_blocked(tree: Tree, target: Target, project: ProjectFile) -> None:
    text = "kind: post-type\nname: poll\nfields: {body: {type: int, column: text}}\n"

    with pytest.raises(BlockedError, match=r"Post\.text is str \| None, but int \| None is needed"):
        plan_new(tree, target, spec(text), project)


def test_parts_that_a_spec_leaves_out_are_left_out(tree: Tree, target: Target, project: ProjectFile) -> None:
    text = "kind: post-type\nname: poll\ncard: false\nform: false\nfeeds: []\nfields: {q: {type: string}}\n"

    plan_new(tree, target, spec(text), project)

    assert not tree.exists("app/templates/cards/poll.html")
    assert not tree.exists("app/templates/forms/poll.html")
    assert_unchanged(tree, "app/feed.py")
    tree.write("specs/poll.yaml", text)
    matrix = check(tree, target, project, "poll")
    absent = {name for (_, name), verdict in matrix.verdicts.items() if isinstance(verdict, NotApplicable)}
    assert absent == {"card", "form", "feeds", "create-menu", "node"}
    assert matrix.findings == ()


def test_a_node_is_noticed_and_not_made(tree: Tree, target: Target, project: ProjectFile) -> None:
    text = "kind: post-type\nname: poll\nnode: {width: 320}\nfields: {q: {type: string}}\n"

    plan = plan_new(tree, target, spec(text), project)

    assert "node: this version makes no canvas nodes; the key is kept for one that does." in plan.notices


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"modles": "app/models.py"}, "mesh.toml, field targets.python.modles: unknown key"),
        ({"models": "../models.py"}, "must be a relative path that stays inside the project"),
        ({"models": "app/models.txt"}, "'app/models.txt' is no Python file"),
        ({"post_type_enum": "Post Type"}, "'Post Type' is no Python name"),
    ],
)
def test_a_wrong_place_is_an_error_of_the_project_file(places: dict[str, str], message: str) -> None:
    file = ProjectFile.model_validate({"project": {"name": "x"}, "targets": {"python": places}})

    with pytest.raises(MeshError) as error:
        target_for(file)

    assert message in str(error.value)


def test_an_unknown_target_is_an_error() -> None:
    file = ProjectFile.model_validate({"project": {"name": "x", "target": "rails"}})

    with pytest.raises(MeshError) as error:
        target_for(file)

    assert str(error.value) == "mesh.toml, field project.target: there is no target 'rails'\n  Known: python."


def test_an_enum_that_is_not_there_is_an_error(tree: Tree, target: Target) -> None:
    tree.write("app/models.py", "X = 1\n")

    with pytest.raises(MeshError, match=r"app/models\.py: has no class PostType"):
        target.types(tree, "post-type")


def test_kinds_of_fields_that_the_app_lacks_are_named(tree: Tree, target: Target, project: ProjectFile) -> None:
    replaced(tree, "app/fields.py", "Moment = ", "Instant = ")
    text = "kind: post-type\nname: poll\nfields: {at: {type: datetime}}\n"

    with pytest.raises(BlockedError, match=r"app/fields\.py: validator: does not define Moment"):
        plan_new(tree, target, spec(text), project)


def test_a_key_that_linters_take_for_a_digit_has_another_name_in_python_alone(tree: Tree, target: Target) -> None:
    (step,) = (step for step in target.steps("post-type") if step.name == "validator")
    step.change(tree, None, spec("kind: post-type\nname: poll\nstorage: json\nfields: {l: {type: string}}\n"), ())
    assert '    l_: str = Field(alias="l")\n' in (tree.read_text("app/validators/poll.py") or "")
