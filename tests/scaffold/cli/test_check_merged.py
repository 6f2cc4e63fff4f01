"""What `mesh check` says of files in which a merge stopped, of ones that cannot be read, and of types that went."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Mesh

MARKED = "<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n"
WAITS = "Keep what is right between the markers, and delete them; nothing else is said of the file until then."


@pytest.fixture(scope="module")
def pristine_polls(pristine_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from .conftest import run

    folder = shutil.copytree(pristine_app, tmp_path_factory.mktemp("merged") / "app", symlinks=True)
    assert run(folder, "new", "post-type", "poll", "--field", "question:string").returncode == 0
    return folder


@pytest.fixture
def polls(pristine_polls: Path, tmp_path: Path) -> Path:
    """An app with a generated type."""
    return shutil.copytree(pristine_polls, tmp_path / "polls", symlinks=True)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def findings(mesh: Mesh, app: Path, *arguments: str) -> list[str]:
    done = mesh(app, "check", "--json", *arguments)
    assert done.stderr == ""
    found = json.loads(done.stdout)["findings"]
    assert done.returncode == (1 if found else 0)
    return [f"{each['place']['path']}:{each['place'].get('line')}: {each['message']}" for each in found]


@pytest.mark.parametrize("theirs", ['    EVENT = "EVENT"\n', ")\n"], ids=["python", "no python"])
def test_a_conflict_in_the_enum_is_a_finding_and_the_rest_is_judged(mesh: Mesh, polls: Path, theirs: str) -> None:
    member = '    POLL = "POLL"\n'
    replace(polls / "app/models.py", member, MARKED.format(ours=member, theirs=theirs))
    (polls / "app/templates/cards/image.html").unlink()
    found = findings(mesh, polls)
    line = (polls / "app/models.py").read_text().splitlines().index("<<<<<<< HEAD") + 1
    assert found[0] == f"app/models.py:{line}: has conflict markers"
    assert "app/templates/cards/image.html:None: image: missing: card" in found
    assert not any(each.startswith("app/models.py") for each in found[1:])
    assert findings(mesh, polls, "text") == found[:1]


def test_a_conflict_is_told_once_and_the_lines_below_it_are_what_they_are(mesh: Mesh, polls: Path) -> None:
    line = '        "poll_question": fields.get("poll_question"),\n'
    replace(polls / "app/actions.py", line, MARKED.format(ours=line, theirs='        "event_at": 1,\n'))
    done = mesh(polls, "check", "--json")
    report = json.loads(done.stdout)
    assert [each["remedy"] for each in report["findings"]] == [WAITS]
    place = report["types"]["poll"]["create-action"]["place"]
    assert (polls / "app/actions.py").read_text().splitlines(keepends=True)[place["line"] - 1] == line


def test_what_is_missing_in_a_file_with_conflicts_cannot_be_told(mesh: Mesh, polls: Path) -> None:
    line = '        "poll_question": fields.get("poll_question"),\n'
    replace(polls / "app/actions.py", line, MARKED.format(ours="", theirs='        "event_at": 1,\n'))
    report = json.loads(mesh(polls, "check", "--json").stdout)
    assert [each["message"] for each in report["findings"]] == ["has conflict markers"]
    verdict = report["types"]["poll"]["create-action"]
    assert (verdict["verdict"], verdict["reason"]) == ("unknown", "the file has conflict markers")
    assert verdict["place"] == report["findings"][0]["place"]


def test_a_conflict_in_a_list_that_nobody_registered_is_a_finding_too(mesh: Mesh, polls: Path) -> None:
    text = 'TRENDING = [\n    "TEXT", "IMAGE",\n' + MARKED.format(ours="", theirs='    "PRODUCT_REVIEW",\n') + "]\n"
    (polls / "app/trending.py").write_text(text)
    assert findings(mesh, polls) == ["app/trending.py:3: has conflict markers"]
    (polls / "app/trending.py").write_text(f"MERGED = '''\n{text}'''\n")
    assert findings(mesh, polls) == []


def test_a_conflict_as_an_annotation_of_github(mesh: Mesh, polls: Path) -> None:
    line = "    PostType.POLL,\n"
    replace(polls / "app/feed.py", f"{line}]", f"{MARKED.format(ours=line, theirs='')}]")
    lines = mesh(polls, "check", "--format", "github").stdout.splitlines()
    number = (polls / "app/feed.py").read_text().splitlines().index("<<<<<<< HEAD") + 1
    assert lines == [f"::error file=app/feed.py,line={number},title=mesh check::has conflict markers%0A{WAITS}"]


def test_nothing_is_fixed_while_a_conflict_waits(mesh: Mesh, polls: Path) -> None:
    replace(polls / "app/models.py", '    POLL = "POLL"\n', MARKED.format(ours="", theirs='    POLL = "POLL"\n'))
    (polls / "app/templates/cards/poll.html").unlink()
    done = mesh(polls, "check", "--fix")
    assert done.returncode == 1
    assert "error: app/models.py:" in done.stderr
    assert ": has conflicts to resolve\n  Keep what is right between the markers, delete them, and run " in done.stderr
    assert not (polls / "app/templates/cards/poll.html").exists()


def test_a_file_that_is_broken_is_told_once_for_all_types_and_steps_that_need_it(mesh: Mesh, polls: Path) -> None:
    file = polls / "app/actions.py"
    file.write_text(file.read_text() + "def (\n")
    last = len(file.read_text().splitlines())
    done = mesh(polls, "check")
    assert done.returncode == 1
    assert done.stdout.endswith(
        f"\napp/actions.py:{last}: 4 types: cannot tell: create parameters, create action persists it, "
        "update parameters, update action persists it: is not Python: invalid syntax\n"
        "  Correct the file, then run the command again.\n"
        "\n1 finding in 4 types.\n"
    )


def test_a_file_that_cannot_be_searched_for_types_is_a_notice(mesh: Mesh, polls: Path) -> None:
    (polls / "app/trending.py").write_text('TRENDING = ["TEXT", "IMAGE", "PRODUCT_REVIEW"\n')
    (polls / "app/other.py").write_text("no types here (\n")
    report = json.loads(mesh(polls, "check", "--json").stdout)
    assert report["findings"] == []
    assert report["notices"] == [
        {
            "message": "is not Python: '[' was never closed; it was not searched for types",
            "place": {"path": "app/trending.py", "line": 1},
            "remedy": "Correct it; until then nobody knows which types it lists.",
        }
    ]
    lines = mesh(polls, "check", "--format", "github").stdout
    assert lines.startswith("::notice file=app/trending.py,line=1,title=mesh check::is not Python: ")


STALE = '\nTRENDING = [\n    "TEXT",\n    "IMAGE",\n    "PRODUCT_REVIEW",\n    "POLL",\n]\n'


def take_out_by_hand(app: Path) -> None:
    """POLL goes from the code; the database, whose enum has the value for good, is left as it is."""
    for file in ("app/models.py", "app/feed.py", "app/validators/__init__.py"):
        lines = (app / file).read_text().splitlines(keepends=True)
        (app / file).write_text("".join(line for line in lines if "POLL" not in line and "poll" not in line))
    for path in ("specs/poll.yaml", ".mesh/record/post-type.poll.json"):
        (app / path).unlink()


def test_a_value_that_is_no_type_any_more_is_a_finding_where_all_types_are_listed(mesh: Mesh, polls: Path) -> None:
    (polls / "app/trending.py").write_text(STALE)
    assert findings(mesh, polls) == []
    take_out_by_hand(polls)
    done = mesh(polls, "check")
    assert done.returncode == 1
    assert done.stdout.endswith(
        "\napp/trending.py:6: POLL in TRENDING (list) is no type any more\n"
        "  Take POLL out, or say that it is meant: [[check.enumerations]] in mesh.toml.\n"
        "\n1 finding in 3 types.\n"
    )
    assert findings(mesh, polls, "text") == []
    done = mesh(polls, "check", "--format", "github")
    assert done.stdout.startswith("::error file=app/trending.py,line=6,title=mesh check::POLL in TRENDING (list) is no")


@pytest.mark.parametrize(
    "text",
    [
        STALE.replace("POLL", "ALL"),
        STALE.replace("TRENDING", "# mesh: subset\nTRENDING"),
        STALE.replace('    "TEXT",\n', ""),
    ],
    ids=["never a type", "acknowledged", "no list of all types"],
)
def test_other_values_are_the_users_own(mesh: Mesh, polls: Path, text: str) -> None:
    (polls / "app/trending.py").write_text(text)
    take_out_by_hand(polls)
    assert findings(mesh, polls) == []


def test_a_piece_of_a_registered_list_that_is_no_type_any_more_is_a_finding(mesh: Mesh, polls: Path) -> None:
    take_out_by_hand(polls)
    replace(polls / "app/feed.py", "    PostType.TEXT,\n", "    PostType.TEXT,\n    PostType.POLL,\n")
    assert {each.split(": ", 1)[1] for each in findings(mesh, polls)} == {
        "POLL in FEEDS.global (list) is no type any more",
        "POLL in CREATE_MENU (list) is no type any more",
    }
