"""The command line, and an app to run it in."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from mesh_cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Mesh(Protocol):
    """Runs `mesh` with arguments in a folder."""

    def __call__(self, folder: Path, *arguments: str) -> Done: ...


def run(folder: Path, *arguments: str) -> Done:
    """`mesh` from its own door on, in this process: a process each would spend its time on imports."""
    output, errors = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, ["mesh", *arguments]
    code: object = 0
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = argv
    return Done(int(str(code or 0)), output.getvalue(), errors.getvalue())


@pytest.fixture
def mesh() -> Mesh:
    """The command line."""
    return run


@pytest.fixture(scope="session")
def pristine_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app as `mesh init` makes it; not to be changed."""
    folder = tmp_path_factory.mktemp("init")
    done = run(folder, "init", "my-app")
    assert done.returncode == 0, done.stderr
    return folder / "my-app"


@pytest.fixture
def app(pristine_app: Path, tmp_path: Path) -> Path:
    """A fresh app."""
    return shutil.copytree(pristine_app, tmp_path / "app", symlinks=True)


@pytest.fixture
def files_of() -> object:
    """What a folder holds: bytes by path."""
    return lambda root: {
        path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }
