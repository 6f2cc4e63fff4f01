from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mesh_runtime.database.sockets import remove_socket_folder, socket_file, socket_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

FALLBACK = Path(f"/tmp/mesh-{os.geteuid()}")


@pytest.fixture
def runtime_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A session's runtime folder, whose path is short enough for a socket's."""
    folder = Path(f"/tmp/mesh-test-{os.getpid()}")
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    shutil.rmtree(folder)


def test_the_sessions_runtime_folder_is_used(runtime_folder: Path, tmp_path: Path) -> None:
    folder = socket_folder(tmp_path)
    assert folder.parent == runtime_folder / "mesh"
    assert folder == socket_folder(tmp_path)
    assert folder != socket_folder(tmp_path / "other")
    for made in (folder, folder.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "runtime", ["", "relative", "/tmp/has,comma", "/tmp/" + "long" * 30, "/tmp/quo'te", "/nowhere"]
)
def test_a_runtime_folder_that_cannot_serve_is_passed_over(
    runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    folder = socket_folder(tmp_path)
    assert folder.parent == FALLBACK
    assert len(os.fsencode(socket_file(folder))) <= 103
    remove_socket_folder(folder)


def test_a_link_in_its_place_is_not_followed(runtime_folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (runtime_folder / "mesh").symlink_to(elsewhere)
    folder = socket_folder(tmp_path)
    assert folder.parent == FALLBACK
    assert list(elsewhere.iterdir()) == []
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755
    remove_socket_folder(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder somebody else's")
def test_somebody_elses_folder_is_neither_used_nor_changed(runtime_folder: Path, tmp_path: Path) -> None:
    squatted = runtime_folder / "mesh"
    squatted.mkdir(mode=0o777)
    squatted.chmod(0o777)
    os.chown(squatted, 12345, 12345)
    folder = socket_folder(tmp_path)
    assert folder.parent == FALLBACK
    assert stat.S_IMODE(squatted.stat().st_mode) == 0o777
    remove_socket_folder(folder)


def test_an_own_folder_that_others_may_enter_is_closed(runtime_folder: Path, tmp_path: Path) -> None:
    (runtime_folder / "mesh").mkdir()
    (runtime_folder / "mesh").chmod(0o755)
    socket_folder(tmp_path)
    assert stat.S_IMODE((runtime_folder / "mesh").stat().st_mode) == 0o700


def test_what_a_killed_server_left_is_removed_and_nothing_else(runtime_folder: Path, tmp_path: Path) -> None:
    del runtime_folder
    folder = socket_folder(tmp_path)
    socket_file(folder).touch()
    (folder / "mine").touch()
    remove_socket_folder(folder)
    assert [entry.name for entry in folder.iterdir()] == ["mine"]
    (folder / "mine").unlink()
    remove_socket_folder(folder)
    assert not folder.exists()
