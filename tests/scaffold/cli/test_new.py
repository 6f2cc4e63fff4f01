from __future__ import annotations

import difflib
import json
import os
import pty
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Mesh

FIELDS = ("--field", "question:string", "--field", "options:list[string]", "--field", "servings:int?")


def test_a_type_is_added_from_the_command_line_and_a_second_run_is_a_no_op(
    mesh: Mesh, app: Path, files_of: object
) -> None:
    done = mesh(app, "new", "post-type", "quick-poll", *FIELDS, "--label", "Quick poll")
    assert done.returncode == 0, done.stderr
    assert "create  specs/quick_poll.yaml\n" in done.stdout
    assert "edit    app/models.py\n" in done.stdout
    assert "\nNext:\n  mesh db migrate\n" in done.stdout
    assert (app / "specs/quick_poll.yaml").read_text() == (
        "kind: post-type\nname: quick_poll\nlabel: Quick poll\nfields:\n  question: {type: string}\n"
        '  options: {type: "list[string]"}\n  servings: {type: int, required: false}\n'
    )
    before = files_of(app)  # type: ignore[operator]
    for arguments in (("quick-poll", *FIELDS, "--label", "Quick poll"), ("specs/quick_poll.yaml",), ("quick_poll",)):
        again = mesh(app, "new", "post-type", *arguments)
        assert (again.returncode, again.stdout) == (
            0, "notice: quick_poll is generated from specs/quick_poll.yaml already\nNothing to do.\n",
        )  # fmt: skip
    assert files_of(app) == before  # type: ignore[operator]


def test_a_spec_is_named_by_its_path_from_anywhere(mesh: Mesh, app: Path) -> None:
    (app / "specs/poll.yaml").write_text("kind: post-type\nname: poll\nfields: {question: {type: string}}\n")
    done = mesh(app / "app", "new", "post-type", "../specs/poll.yaml")
    assert done.returncode == 0, done.stderr
    again = mesh(app.parent, "new", "post-type", "specs/poll.yaml", "--project", str(app))
    assert "Nothing to do." in again.stdout


def test_hand_written_files_keep_every_other_byte(mesh: Mesh, app: Path) -> None:
    before = {}
    for name in ("models", "actions", "feed", "validators/__init__"):
        path = app / f"app/{name}.py"
        text = path.read_text().replace("from __future__", "# a comment  \t \nfrom __future__", 1)
        path.write_bytes(text.replace("\n", "\r\n").encode() + b"\r\n# no newline at the end")
        path.chmod(0o640)
        before[path] = path.read_bytes()
    done = mesh(app, "new", "post-type", "poll", *FIELDS)
    assert done.returncode == 0, done.stderr
    for path, old in before.items():
        new = path.read_bytes()
        lines = list(difflib.ndiff(old.decode().split("\n"), new.decode().split("\n")))
        assert not [line for line in lines if line.startswith("- ")]
        assert all(line.endswith("\r") for line in lines if line.startswith("+ "))
        assert path.stat().st_mode & 0o777 == 0o640


def test_a_dry_run_is_a_diff_that_git_applies_and_writes_nothing(mesh: Mesh, app: Path, files_of: object) -> None:
    before = files_of(app)  # type: ignore[operator]
    done = mesh(app, "new", "post-type", "poll", *FIELDS, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert files_of(app) == before  # type: ignore[operator]
    copy = shutil.copytree(app, app.parent / "copy")
    subprocess.run(["git", "apply"], cwd=copy, input=done.stdout, text=True, check=True)
    checked = mesh(copy, "check", "poll")
    assert checked.returncode == 0, checked.stdout


def test_a_terminal_gets_colours_and_no_records(app: Path) -> None:
    reader, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    mesh = str(Path(sys.executable).with_name("mesh"))
    arguments = [mesh, "new", "post-type", "poll", "--field", "a:int", "--dry-run"]
    with subprocess.Popen(arguments, cwd=app, env=environment, stdout=terminal, stderr=subprocess.PIPE) as process:
        os.close(terminal)
        shown = b"".join(iter(partial(_read, reader), b""))
        assert process.wait() == 0
    os.close(reader)
    assert b"\x1b[32m" in shown
    assert b"app/models.py" in shown
    assert b".mesh/record" not in shown


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # how Linux says that the other end was closed
        return b""


def test_the_plan_as_json_says_what_was_written(mesh: Mesh, app: Path) -> None:
    plan = json.loads(mesh(app, "new", "post-type", "poll", *FIELDS, "--json").stdout)
    assert (plan["command"], plan["applied"]) == ("new post-type poll", True)
    assert plan["next"][0] == "mesh db migrate"
    paths = {change["path"]: change["kind"] for change in plan["changes"]}
    assert (paths["app/models.py"], paths[".mesh/record/post-type.poll.json"]) == ("edit", "create")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("poll",), "specs/poll.yaml: no such file\n  Write it, or name its fields: mesh new post-type poll"),
        (("specs/poll.yaml",), "specs/poll.yaml: no such file\n"),
        (("poll.yml",), "poll.yml: is no spec of this project\n  Specs are specs/<name>.yaml; move the file there."),
        (("/etc/poll.yaml",), "is no spec of this project\n"),
        (("../poll", "--field", "a:int"), "'../poll' is a path, not a name\n"),
        (("class", "--field", "a:int"), "'class' is a reserved word of Python and JavaScript\n"),
        (("p" * 64, "--field", "a:int"), "has 64 bytes, PostgreSQL keeps 63\n"),
        (("p\u043ell", "--field", "a:int"), "CYRILLIC SMALL LETTER O, U+043E"),
        (("poll", "--field", "a"), "--field 'a' is no field\n"),
        (("poll", "--field", "class:int"), "--field 'class:int': 'class' is a reserved word"),
        (("poll", "--label", "Poll"), "--label goes with --field\n"),
        (("specs/poll.yaml", "--field", "a:int"), "--field and --label write a new spec, and a file is named\n"),
        (("text", "--field", "a:int"), "app/models.py:"),
    ],
)
def test_bad_input_is_named_with_exit_code_2_and_nothing_is_written(
    mesh: Mesh, app: Path, files_of: object, arguments: tuple[str, ...], message: str
) -> None:
    before = files_of(app)  # type: ignore[operator]
    done = mesh(app, "new", "post-type", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert files_of(app) == before  # type: ignore[operator]
    assert not list((app / ".mesh/local").glob("[!u]*"))  # no lock is left


def test_errors_are_json_too(mesh: Mesh, app: Path) -> None:
    (app / "specs/poll.yaml").write_text("kind: post-type\nname: poll\nfields:\n  class: {type: int}\n")
    done = mesh(app, "new", "post-type", "poll", "--json")
    (error,) = json.loads(done.stdout)["error"]
    assert error["place"] == {"path": "specs/poll.yaml", "line": 4, "column": 3}


def test_a_file_in_the_way_is_a_conflict_with_exit_code_1(mesh: Mesh, app: Path, files_of: object) -> None:
    (app / "tests/test_poll.py").write_text("mine\n")
    before = files_of(app)  # type: ignore[operator]
    done = mesh(app, "new", "post-type", "poll", *FIELDS)
    assert done.returncode == 1
    assert "error: tests/test_poll.py: exists with other content; nothing was written\n" in done.stderr
    assert files_of(app) == before  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["node-type", "connector"])
def test_kinds_that_come_later_say_so(mesh: Mesh, tmp_path: Path, kind: str) -> None:
    done = mesh(tmp_path, "new", kind, "x", "--field", "a:int")
    assert done.returncode == 2
    assert done.stderr == f"error: mesh new {kind} is not there yet\n  This version of mesh generates post-type only.\n"


def test_a_folder_that_is_no_project_is_said(mesh: Mesh, tmp_path: Path) -> None:
    done = mesh(tmp_path, "new", "post-type", "poll", "--field", "a:int")
    assert done.returncode == 2
    assert "no mesh.toml here or in a folder above" in done.stderr


def test_two_commands_at_once_wait_for_each_other_and_both_end_right(mesh: Mesh, app: Path) -> None:
    program = str(Path(sys.executable).with_name("mesh"))
    names = ("poll", "event", "playlist")
    running = [
        subprocess.Popen([program, "new", "post-type", name, "--field", "a:int"], cwd=app, stdout=subprocess.DEVNULL)
        for name in names
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    checked = mesh(app, "check")
    assert checked.returncode == 0, checked.stdout
    assert all(name in checked.stdout.splitlines()[0] for name in names)


def test_what_is_wrong_with_a_field_of_the_command_line_is_told_at_the_argument(mesh: Mesh, app: Path) -> None:
    done = mesh(app, "new", "post-type", "poll", "--field", "b:int", "--field", "class:enum(x,x)")
    assert done.returncode == 2
    assert "error: --field 'class:enum(x,x)': 'class' is a reserved word" in done.stderr
    assert "\n--field 'class:enum(x,x)': the value 'x' stands twice\n" in done.stderr.replace("error: ", "")
    assert "specs/" not in done.stderr


def test_a_folder_instead_of_a_spec_is_an_error_with_a_remedy(mesh: Mesh, app: Path) -> None:
    (app / "specs/poll.yaml").mkdir()
    done = mesh(app, "new", "post-type", "specs/poll.yaml")
    assert done.returncode == 2
    assert done.stderr == (
        "error: specs/poll.yaml: is a folder, a file was expected\n"
        "  Move or rename it, and put a file in its place; or name another file.\n"
    )


def test_a_project_that_is_none_is_named_with_its_folder_and_a_remedy(mesh: Mesh, tmp_path: Path) -> None:
    done = mesh(tmp_path, "check", "--project", "/nope")
    assert (done.returncode, done.stderr) == (
        2,
        "error: /nope/mesh.toml: no such file\n  Name the folder of a mesh project, or make one: mesh init DIR\n",
    )


def test_what_says_nothing_in_a_new_type_and_an_icon_without_a_drawing_are_told(mesh: Mesh, app: Path) -> None:
    text = "kind: post-type\nname: poll\nicon: bok\nrenamed_from: vote\nfields:\n"
    text += "  a: {type: string, renamed_from: b, backfill: x}\n"
    (app / "specs/poll.yaml").write_text(text)
    done = mesh(app, "new", "post-type", "poll")
    assert done.returncode == 0, done.stderr
    unread = "says nothing in a new type: mesh update reads it when the type changes; take it out"
    notices = [line for line in done.stdout.splitlines() if "poll.yaml:" in line]
    assert notices[:3] == [
        "notice: specs/poll.yaml:4:15: there is no type vote, so nothing is renamed; take it out",
        f"notice: specs/poll.yaml:6:35: renamed_from {unread}",
        f"notice: specs/poll.yaml:6:48: backfill {unread}",
    ]
    drawing = (
        "specs/poll.yaml:3:7: app/static/icons.svg has no drawing 'bok', so people see the first letter of the label"
    )
    assert notices[3].startswith(f"notice: {drawing}; add a <symbol> of that id, or choose one of ")
    assert notices[3].endswith(" there; did you mean book?")
    assert "icons.svg" not in mesh(app, "update", "poll").stdout
    assert mesh(app, "check").returncode == 0
