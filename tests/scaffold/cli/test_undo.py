from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Mesh

POLL = ("new", "post-type", "poll", "--field", "question:string", "--field", "options:list[string]")
QUIZ = ("new", "post-type", "quiz", "--field", "question:string")

NOTHING_LEFT = "mesh log lists what mesh did here; to take back mesh init itself, name its ID."


def tree_of(root: Path) -> dict[str, bytes | None]:
    """Files and folders, but for what is the machine's own."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
        if "local" not in path.relative_to(root).parts
    }


def interrupted(app: Path) -> None:
    """Make it look as if the last command had been killed before it moved the first file."""
    newest = max((app / ".mesh/local/undo").iterdir(), key=lambda folder: int(folder.name))
    (newest / "done").unlink()


def test_a_new_type_is_taken_back_and_brought_back(mesh: Mesh, app: Path) -> None:
    before = tree_of(app)
    mesh(app, *POLL)
    after = tree_of(app)
    done = mesh(app, "undo")
    assert (done.returncode, tree_of(app)) == (0, before)
    assert "delete  specs/poll.yaml\n" in done.stdout
    assert "edit    app/models.py\n" in done.stdout
    assert done.stdout.endswith("\nNext:\n  mesh undo 3      # brings it back\n")
    assert "where mesh db migrate has run since change 2, the database keeps what it made" in done.stderr
    assert mesh(app, "undo", "3").returncode == 0
    assert tree_of(app) == after


def test_a_dry_run_shows_the_diff_and_writes_nothing(mesh: Mesh, app: Path) -> None:
    mesh(app, *POLL)
    before = tree_of(app)
    done = mesh(app, "undo", "--dry-run")
    assert "-    POLL = " in done.stdout
    assert tree_of(app) == before
    plan = json.loads(mesh(app, "undo", "--dry-run", "--json").stdout)
    assert (plan["command"], plan["applied"]) == ("undo 2", False)


def test_an_edited_file_stops_an_undo_with_exit_code_1(mesh: Mesh, app: Path) -> None:
    mesh(app, *POLL)
    (app / "app/validators/poll.py").write_text("mine\n")
    before = tree_of(app)
    done = mesh(app, "undo")
    assert (done.returncode, tree_of(app)) == (1, before)
    assert done.stderr == (
        "error: app/validators/poll.py: was changed since; nothing was written\n"
        "  Save your edits elsewhere, or choose: --on-conflict keep or overwrite.\n"
    )
    assert mesh(app, "undo", "--on-conflict", "keep").returncode == 0
    assert (app / "app/validators/poll.py").read_text() == "mine\n"
    assert not (app / "specs/poll.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), f"there is nothing to undo\n  {NOTHING_LEFT}"),
        (("7",), "there is no change 7\n  mesh log lists the changes that are kept."),
        (("0",), "there is no change 0\n  mesh log lists the changes that are kept."),
        (("abc",), "'abc' is no ID of a change\n  mesh log lists the changes with their IDs."),
        (("",), "'' is no ID of a change\n  mesh log lists the changes with their IDs."),
    ],
)
def test_what_cannot_be_undone_is_said_with_exit_code_2(
    mesh: Mesh, app: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = mesh(app, "undo", *arguments)
    assert (done.returncode, done.stderr) == (2, f"error: {message}\n")


def test_the_app_itself_is_taken_back_and_brought_back(mesh: Mesh, app: Path) -> None:
    before = tree_of(app)
    assert mesh(app, "undo", "1").returncode == 0
    assert tree_of(app) == {".mesh": None}
    assert mesh(app, "undo", "2").returncode == 0
    assert tree_of(app) == before


def test_the_log_lists_changes_the_newest_first(mesh: Mesh, app: Path) -> None:
    mesh(app, *POLL)
    mesh(app, *QUIZ)
    mesh(app, "undo")
    lines = [line.split() for line in mesh(app, "log").stdout.splitlines()[2:]]
    assert [(line[0], " ".join(line[3:])) for line in lines] == [
        ("4", "mesh undo 3 4 edited, 9 deleted done"),
        ("3", "mesh new post-type quiz 9 created, 4 edited undone by 4"),
        ("2", "mesh new post-type poll 9 created, 4 edited done"),
        ("1", lines[-1][3] + " init " + " ".join(lines[-1][5:])),
    ]
    changes = json.loads(mesh(app, "log", "--json").stdout)["changes"]
    assert [(change["id"], change["status"], change["undoes"], change["undone_by"]) for change in changes] == [
        (4, "done", 3, None), (3, "undone", None, 4), (2, "done", None, None), (1, "done", None, None),
    ]  # fmt: skip
    assert {"path": "specs/poll.yaml", "kind": "create"} in changes[2]["files"]


def test_a_log_without_changes_says_so(mesh: Mesh, app: Path) -> None:
    (app / ".mesh/local").rename(app / "elsewhere")
    assert mesh(app, "log").stdout == "mesh has changed nothing here yet.\n"


@pytest.mark.parametrize("command", [("log",), ("check",), (*QUIZ, "--dry-run"), ("undo", "1", "--dry-run")])
def test_who_only_reads_reports_an_interrupted_command_and_touches_nothing(
    mesh: Mesh, app: Path, command: tuple[str, ...]
) -> None:
    mesh(app, *POLL)
    interrupted(app)
    before = sorted((app / ".mesh/local").rglob("*"))
    done = mesh(app, *command)
    assert "warning: mesh new post-type poll of 20" in done.stderr
    assert "was interrupted; the next command that changes the project finishes it, takes it back" in done.stderr
    assert sorted((app / ".mesh/local").rglob("*")) == before


def test_who_changes_recovers_first_and_says_so(mesh: Mesh, app: Path) -> None:
    mesh(app, *POLL)
    (app / ".mesh/local/undo/2/done").rename(app / ".mesh/local/undo/2/committed")
    done = mesh(app, *QUIZ)
    assert done.returncode == 0
    assert "warning: mesh new post-type poll of 20" in done.stderr
    assert "was interrupted; it is finished now\n" in done.stderr
    assert "interrupted" not in mesh(app, "log").stderr


def test_a_plan_is_written_to_a_file_and_applied_from_it(mesh: Mesh, app: Path, tmp_path: Path) -> None:
    before = tree_of(app)
    file = tmp_path / "poll.plan"
    done = mesh(app, "plan", *POLL, "-o", str(file))
    assert (done.returncode, tree_of(app)) == (0, before), done.stderr
    assert done.stdout == f"13 files would change; the plan is in {file}.\n  mesh apply {file}\n"
    shown = mesh(app, "apply", str(file), "--dry-run")
    assert "+    POLL = " in shown.stdout
    assert tree_of(app) == before
    applied = mesh(app, "apply", str(file))
    assert applied.returncode == 0, applied.stderr
    assert "create  specs/poll.yaml\n" in applied.stdout
    assert applied.stdout.endswith("\nNext:\n  mesh db migrate\n  mesh check\n")
    assert mesh(app, "check", "poll").returncode == 0
    again = mesh(app, "apply", str(file))
    assert (again.returncode, again.stdout) == (0, "notice: this plan is applied already\nNothing to do.\n")
    assert mesh(app, "undo").returncode == 0
    assert tree_of(app) == before


def test_a_plan_whose_base_moved_is_refused_with_exit_code_1(mesh: Mesh, app: Path, tmp_path: Path) -> None:
    file = tmp_path / "poll.plan"
    mesh(app, "plan", *POLL, "--output", str(file))
    with (app / "app/models.py").open("a") as models:
        models.write("# mine\n")
    before = tree_of(app)
    done = mesh(app, "apply", str(file))
    assert (done.returncode, tree_of(app)) == (1, before)
    assert done.stderr == (
        "error: app/models.py: was changed after the plan was made; nothing was written\n  Make the plan again.\n"
    )


def test_a_hostile_plan_is_refused_with_exit_code_2(mesh: Mesh, app: Path, tmp_path: Path) -> None:
    file = tmp_path / "hostile.plan"
    mesh(app, "plan", *POLL, "-o", str(file))
    file.write_text(file.read_text().replace("specs/poll.yaml", "../outside.yaml"))
    done = mesh(app, "apply", str(file))
    assert done.returncode == 2
    assert "'../outside.yaml' is no path inside the project" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (app.parent / "outside.yaml").exists()
    missing = mesh(app, "apply", "missing.plan")
    assert (missing.returncode, missing.stderr) == (
        2, "error: missing.plan: cannot be read: No such file or directory\n  Make one: mesh plan ... -o FILE\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "error: which command is to be planned?\n  Those that do: init, new, update, remove, undo; mesh plan new"),
        (("db", "up"), "error: 'db' is no command that makes a plan\n"),
        ((*POLL, "-o", "no/such/folder/x"), "error: no/such/folder/x: cannot be written: No such file or directory\n"),
        (("new", "post-type", "poll", "-o", "x"), "error: specs/poll.yaml: no such file\n"),
        (("new", "post-type", "poll", "--bad"), "No such option: --bad\n"),
    ],
)
def test_what_makes_no_plan_is_said_with_exit_code_2(
    mesh: Mesh, app: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = mesh(app, "plan", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_plan_without_a_file_is_the_diff(mesh: Mesh, app: Path) -> None:
    done = mesh(app, "plan", *POLL)
    assert done.returncode == 0
    assert "diff --git a/app/models.py b/app/models.py\n" in done.stdout
    assert mesh(app, "plan", "--help").stdout.startswith("Usage: ")


def test_a_long_diff_goes_to_a_file_on_a_terminal(app: Path, tmp_path: Path) -> None:
    reader, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "TMPDIR": str(tmp_path)}
    environment.pop("NO_COLOR", None)
    mesh = str(Path(sys.executable).with_name("mesh"))
    with subprocess.Popen([mesh, "undo", "1", "--dry-run"], cwd=app, env=environment, stdout=terminal,
                          stderr=subprocess.PIPE) as process:  # fmt: skip
        os.close(terminal)
        shown = b"".join(iter(partial(_read, reader), b"")).decode()
        assert process.wait() == 0
    os.close(reader)
    (diff,) = tmp_path.glob("mesh-*.diff")
    assert f"lines; it is in {diff}" in shown
    assert "delete  app/models.py" in shown
    assert diff.read_text().startswith("diff --git a/.gitignore b/.gitignore\ndeleted file mode 100644\n")


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # how Linux says that the other end was closed
        return b""


def test_what_a_plan_writes_is_verified_again(mesh: Mesh, app: Path, tmp_path: Path) -> None:
    file = tmp_path / "poll.plan"
    mesh(app, "plan", *POLL, "-o", str(file))
    plan = json.loads(file.read_text())
    change = next(each for each in plan["changes"] if each["path"] == "app/models.py")
    change["after"]["text"] += "def broken(:\n"
    file.write_text(json.dumps(plan))
    before = tree_of(app)
    done = mesh(app, "apply", str(file))
    assert (done.returncode, tree_of(app)) == (1, before)
    assert done.stderr.startswith("error: app/models.py:")
    assert mesh(app, "apply", str(file), "--verify", "none").returncode == 0


def test_a_new_app_can_be_planned_and_is_made_by_its_plan(mesh: Mesh, tmp_path: Path) -> None:
    done = mesh(tmp_path, "plan", "init", "my app", "-o", "app.plan")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("the plan is in app.plan.\n  mesh apply app.plan --project 'my app'\n")
    assert not (tmp_path / "my app").exists()
    done = mesh(tmp_path, "apply", "app.plan", "--project", "my app")
    assert done.returncode == 0, done.stderr
    assert mesh(tmp_path, "init", "my app").stdout == "notice: this app is made already\nNothing to do.\n"
    assert mesh(tmp_path / "my app", "check").returncode == 0
    assert "this plan is applied already" in mesh(tmp_path, "apply", "app.plan", "--project", "my app").stdout


def test_the_plan_of_a_type_needs_a_project(mesh: Mesh, app: Path, tmp_path: Path) -> None:
    file = tmp_path / "poll.plan"
    mesh(app, "plan", *POLL, "-o", str(file))
    (tmp_path / "else").mkdir()
    done = mesh(tmp_path, "apply", str(file), "--project", str(tmp_path / "else"))
    assert done.returncode == 2
    assert "mesh.toml" in done.stderr
