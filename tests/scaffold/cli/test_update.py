from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Mesh

FIELDS = ("--field", "question:string", "--field", "day:date?")


@pytest.fixture
def poll(mesh: Mesh, app: Path) -> Path:
    """The app with a generated type; returns its spec."""
    done = mesh(app, "new", "post-type", "poll", *FIELDS)
    assert done.returncode == 0, done.stderr
    return app / "specs/poll.yaml"


def own(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files without what mesh keeps for itself."""
    return {path: content for path, content in files.items() if not path.startswith(".mesh/local/")}


def changed(spec: Path, old: str, new: str) -> None:
    assert old in spec.read_text()
    spec.write_text(spec.read_text().replace(old, new))


def test_a_changed_spec_comes_through_and_a_second_update_is_a_no_op(
    mesh: Mesh, app: Path, poll: Path, files_of: object
) -> None:
    changed(poll, "day:", "until: {type: date, required: false, renamed_from: day}\n  was:")
    checked = mesh(app, "update", "--all", "--check")
    assert (checked.returncode, "would change app/models.py\n" in checked.stdout) == (1, True)
    assert checked.stdout.endswith("Not up to date. Run: mesh update --all\n")
    before = files_of(app)  # type: ignore[operator]
    dry = mesh(app, "update", "poll", "--dry-run")
    assert dry.returncode == 0
    assert "+    poll_until: date | None = None\n" in dry.stdout
    assert files_of(app) == before  # type: ignore[operator]

    done = mesh(app, "update", "specs/poll.yaml")
    assert done.returncode == 0, done.stderr
    assert "edit    app/models.py\n" in done.stdout
    assert "\nNext:\n  mesh db migrate\n  mesh check\n  pytest\n" in done.stdout
    assert mesh(app, "check").returncode == 0
    assert mesh(app, "update", "--all", "--check").stdout == "All is up to date.\n"
    assert mesh(app, "update", "poll").stdout == "Nothing to do.\n"


def test_conflicts_are_marked_listed_and_end_with_1(mesh: Mesh, app: Path, poll: Path) -> None:
    models = app / "app/models.py"
    models.write_text(models.read_text().replace("poll_question: str", "poll_question: bytes"))
    changed(poll, "{type: string}", "{type: int}")
    done = mesh(app, "update", "poll")
    assert done.returncode == 1
    assert "conflict: app/models.py:45: 1 conflict marked\n" in done.stderr
    assert "<<<<<<< yours\n" in models.read_text()
    again = mesh(app, "update", "poll")
    assert again.returncode == 1
    assert again.stderr.startswith("error: app/models.py:45: has conflicts to resolve\n")


def test_the_plan_as_json_lists_the_conflicts(mesh: Mesh, app: Path, poll: Path) -> None:
    models = app / "app/models.py"
    models.write_text(models.read_text().replace("poll_question: str", "poll_question: bytes"))
    changed(poll, "{type: string}", "{type: int}")
    done = mesh(app, "update", "poll", "--json", "--dry-run")
    plan = json.loads(done.stdout)
    assert (plan["command"], plan["applied"], done.returncode) == ("update poll", False, 1)
    assert plan["conflicts"][0]["place"] == {"path": "app/models.py", "line": 45}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "error: name one type, or say --all\n  mesh update poll, or: mesh update --all\n"),
        (("poll", "--all"), "error: name one type, or say --all\n"),
        (("pol",), "error: .mesh/record/post-type.pol.json: mesh did not generate a type 'pol' here\n"),
    ],
)
def test_bad_input_is_named(mesh: Mesh, app: Path, poll: Path, arguments: tuple[str, ...], message: str) -> None:
    assert poll.exists()
    done = mesh(app, "update", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(message)


def test_a_type_goes_without_a_trace(mesh: Mesh, app: Path, files_of: object) -> None:
    before = own(files_of(app))  # type: ignore[operator]
    mesh(app, "new", "post-type", "poll", *FIELDS)
    done = mesh(app, "remove", "poll")
    assert (done.returncode, "warning" in done.stderr) == (0, False), done.stderr
    assert own(files_of(app)) == before  # type: ignore[operator]
    gone = mesh(app, "remove", "poll")
    assert gone.returncode == 2
    assert "mesh did not generate a type 'poll' here\n  mesh new post-type makes one from its spec." in gone.stderr


def test_a_record_that_git_could_not_merge_is_rebuilt(mesh: Mesh, app: Path, poll: Path) -> None:
    record = app / ".mesh/record/post-type.poll.json"
    text = record.read_text()
    record.write_text(f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n")
    refused = mesh(app, "update", "poll")
    assert refused.returncode == 2
    assert (
        "has conflict markers of a merge\n  Resolve the other files first, then: mesh record rebuild poll"
        in refused.stderr
    )
    done = mesh(app, "record", "rebuild", "poll")
    assert (done.returncode, record.read_text()) == (0, text), done.stderr
    poll.unlink()
    lacking = mesh(app, "record", "rebuild", "poll")
    assert lacking.returncode == 2
    assert "specs/poll.yaml: no such file\n" in lacking.stderr
