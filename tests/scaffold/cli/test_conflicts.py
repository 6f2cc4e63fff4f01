"""Files that are in the way: what the option says, and the menu of a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Mesh

CARD = "app/templates/cards/poll.html"
NEW = ("new", "post-type", "poll", "--field", "question:string")


@pytest.fixture
def card(app: Path) -> Path:
    path = app / CARD
    path.write_text("<p>mine</p>\n")
    return path


def test_abort_is_the_default_and_names_the_ways_out(mesh: Mesh, app: Path, card: Path) -> None:
    done = mesh(app, *NEW)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {CARD}: exists with other content; nothing was written\n"
        "  Rename, move or delete the file, or choose: --on-conflict keep, overwrite, merge or markers.\n"
    )
    assert card.read_text() == "<p>mine</p>\n"


@pytest.mark.parametrize(
    ("choice", "code", "content"),
    [
        ("keep", 0, "<p>mine</p>\n"),
        ("overwrite", 0, '<h2 class="card-title">{{ post.poll_question }}</h2>\n'),
        ("merge", 1, "<p>mine</p>\n"),
        (
            "markers",
            1,
            '<<<<<<< yours\n<p>mine</p>\n=======\n<h2 class="card-title">{{ post.poll_question }}</h2>\n'
            ">>>>>>> generated\n",
        ),
    ],
)
def test_the_option_decides_for_all_files(
    mesh: Mesh, app: Path, card: Path, choice: str, code: int, content: str
) -> None:
    done = mesh(app, *NEW, "--on-conflict", choice)
    assert (done.returncode, card.read_text()) == (code, content), done.stderr
    if choice == "keep":
        assert mesh(app, "update", "poll", "--check").returncode == 0
        assert f"{CARD} was edited and stays" in mesh(app, "remove", "poll").stderr


def test_init_asks_too(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/README.md").write_text("mine\n")
    assert mesh(tmp_path, "init", "app").returncode == 1
    assert mesh(tmp_path, "init", "app", "--on-conflict", "keep").returncode == 0
    assert (tmp_path / "app/README.md").read_text() == "mine\n"
    assert (tmp_path / "app/mesh.toml").exists()


@pytest.mark.parametrize(
    ("answers", "code", "content"),
    [
        ("y", 0, '<h2 class="card-title">'),
        ("x\nd\nn", 0, "<p>mine</p>"),
        ("m", 1, "<<<<<<< yours"),
        ("q", 1, "<p>mine</p>"),
    ],
)
def test_a_terminal_is_asked_for_each_file(app: Path, card: Path, answers: str, code: int, content: str) -> None:
    reader, terminal = pty.openpty()
    mesh = str(Path(sys.executable).with_name("mesh"))
    with subprocess.Popen([mesh, *NEW], cwd=app, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        os.write(reader, f"{answers}\n".encode())
        shown = _read_all(reader)
        assert process.wait() == code, shown
    os.close(reader)
    assert f"{CARD} exists with other content." in shown
    assert "Overwrite it? [y]es, [n]o, [d]iff, [m]erge, [q]uit" in shown
    assert ("-<p>mine</p>" in shown) == ("d" in answers)
    assert card.read_text().startswith(content)


def _read_all(reader: int) -> str:
    found = b""
    try:
        while chunk := os.read(reader, 65536):
            found += chunk
    except OSError:  # how Linux says that the other end was closed
        pass
    return found.decode()
