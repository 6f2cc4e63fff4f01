"""What is wrong, where, and what to do: messages that no other test asks for, as the command line prints them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from mesh_runtime.testing import fresh_database

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Mesh

POLL = ("new", "post-type", "poll", "--field", "question:string", "--field", "day:date", "--verify", "none")
ENUM = '    TEXT = "TEXT"\n'

BLOCKED = [
    (
        "another class of the name",
        ("app/models.py", "\n\nclass PostType(", "\n\nclass date:\n    pass\n\n\nclass PostType("),
        "app/models.py:14: columns in the post model: date is defined here and would be imported from datetime too\n"
        "  Give the definition another name.\n",
    ),
    (
        "another import of the name",
        (
            "app/models.py",
            "from datetime import datetime",
            "from app.fields import date\nfrom datetime import datetime",
        ),
        "app/models.py:5: columns in the post model: date is imported here from somewhere else than datetime\n"
        "  Import it under another name.\n",
    ),
    (
        "the member with another value",
        ("app/models.py", ENUM, f'{ENUM}    VOTE = "POLL"\n'),
        "app/models.py:18: member of the enum: has VOTE = \"POLL\", but PostType.POLL is to be 'POLL'\n"
        "  Rename the type, or correct the member.\n",
    ),
    (
        "a column of another type",
        ("app/models.py", "    text: str | None", "    poll_day: int | None = None\n    text: str | None"),
        "specs/poll.yaml:5:3: there is a column 'poll_day' already (app/models.py:33)\n"
        "  Rename the field; to share the column, write `column: poll_day`.\n",
    ),
    (
        "no text",
        ("app/models.py", '"""What a post is."""', '"""What a post is: \udcff."""'),
        "app/models.py:1: is not text: invalid or missing encoding declaration\n"
        "  Save the file as UTF-8, or declare its encoding on its first line.\n",
    ),
]


@pytest.mark.parametrize(("edit", "message"), [case[1:] for case in BLOCKED], ids=[case[0] for case in BLOCKED])
def test_a_step_that_cannot_do_its_part_says_where_and_what_to_do(
    mesh: Mesh, app: Path, edit: tuple[str, str, str], message: str
) -> None:
    path, old, new = edit
    text = (app / path).read_text()
    assert text.count(old) == 1
    (app / path).write_bytes(text.replace(old, new).encode("utf-8", "surrogateescape"))
    before = {file: file.read_bytes() for file in app.rglob("*") if file.is_file()}
    done = mesh(app, *POLL)
    assert done.returncode == 2
    assert message in done.stderr
    after = {file: file.read_bytes() for file in app.rglob("*") if file.is_file()}
    assert {file: after[file] for file in before} == before


@pytest.mark.parametrize("kind", ["node-type", "connector"])
def test_what_is_not_there_yet_says_so(mesh: Mesh, app: Path, kind: str) -> None:
    done = mesh(app, "new", kind, "poll", "--field", "a:int")
    assert (done.returncode, done.stderr) == (
        2, f"error: mesh new {kind} is not there yet\n  This version of mesh generates post-type only.\n"
    )  # fmt: skip


def test_a_descriptor_that_is_none_is_told_by_check(mesh: Mesh, app: Path) -> None:
    (app / "plugins/image/plugin.toml").write_text("nonsense\n")
    done = mesh(app, "check", "image")
    assert done.returncode == 1
    assert "plugins/image/plugin.toml: image: cannot tell: plug-in descriptor: is no descriptor: " in done.stdout
    assert "\n  Correct it: mesh plugins check says more.\n" in done.stdout


def test_a_type_is_retired_only_from_a_database_that_has_it(
    mesh: Mesh, app: Path, mesh_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mesh(app, *POLL).returncode == 0
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *arguments], cwd=app, check=True)
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        done = mesh(app, "remove", "poll", "--retire-value")
    assert done.returncode == 2
    assert "the database has no enum 'realtime_post_type'\n  Apply the migrations: mesh db migrate\n" in done.stderr
    assert (app / "specs/poll.yaml").exists()


def test_a_database_that_does_not_answer_is_told(mesh: Mesh, app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost:1/nobody")
    done = mesh(app, "check", "--database")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the database cannot be reached: ")
    assert done.stderr.endswith("\n  Start it (mesh db up), or correct DATABASE_URL.\n")


def test_a_server_of_the_project_that_cannot_be_asked_is_told(
    mesh: Mesh, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr("mesh_scaffold.database.sys.executable", str(app / "no-python"))
    done = mesh(app, "check", "--database")
    assert done.returncode == 2
    assert "error: mesh db url cannot be run: " in done.stderr
    assert done.stderr.endswith("\n  Run it yourself, or name a server by DATABASE_URL.\n")


def test_a_server_that_does_not_start_is_told_in_its_own_words(
    mesh: Mesh, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    python = app / "python"
    python.write_text("#!/bin/sh\necho 'no room' >&2\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr("mesh_scaffold.database.sys.executable", str(python))
    done = mesh(app, "check", "--database")
    assert done.returncode == 2
    assert done.stderr == (
        "error: mesh db url ended with 3: no room\n"
        "  Run it yourself when that is mended, or name a server by DATABASE_URL.\n"
    )


def test_a_file_that_is_gone_is_told_with_the_step_that_wrote_it(mesh: Mesh, app: Path) -> None:
    assert mesh(app, *POLL).returncode == 0
    (app / "app/validators/poll.py").unlink()
    done = mesh(app, "check", "poll")
    assert done.returncode == 1
    assert "\napp/validators/poll.py: poll: missing: " in done.stdout


def test_keep_leaves_a_file_as_it_is_and_says_so(mesh: Mesh, app: Path) -> None:
    assert mesh(app, *POLL).returncode == 0
    card, spec = app / "app/templates/cards/poll.html", app / "specs/poll.yaml"
    card.write_text(card.read_text().replace("poll_question", "poll_question | upper"))
    spec.write_text(
        spec.read_text().replace("question: {type: string}", "subject: {type: string, renamed_from: question}")
    )
    done = mesh(app, "update", "poll", "--on-conflict", "keep", "--verify", "none")
    assert done.returncode == 0, done.stderr
    assert "warning: app/templates/cards/poll.html stays as it is where you and the generator differ\n" in done.stderr
    assert "poll_question | upper" in card.read_text()
