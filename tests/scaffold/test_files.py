"""Every call that changes a project goes through one module, so that it can be counted, logged and made to fail."""

from __future__ import annotations

import ast
import errno
import os
from pathlib import Path

import pytest

import mesh_scaffold
from mesh_scaffold.files import DiskFiles, write_output

PACKAGE = Path(mesh_scaffold.__file__).parent
METHODS = {"mkdir", "rmdir", "unlink", "rename", "write_text", "write_bytes", "touch", "chmod", "symlink_to",
           "hardlink_to", "link", "symlink", "removedirs", "makedirs", "rmtree", "copytree", "copy2", "copyfile",
           "move", "truncate", "ftruncate", "fchmod", "fsync"}  # fmt: skip
ELSEWHERE = {
    "files.py": "the module itself",
    "verify/": "writes to temporary folders of its own",
}


def calls(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    attributes = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [
        f"{path.relative_to(PACKAGE)}:{function.lineno} {function.attr}"
        for function in attributes
        if isinstance(function, ast.Attribute)
        and function.attr in METHODS
        and ast.unparse(function.value) != "tree"  # an overlay in memory
    ]


def test_no_other_module_changes_the_disk() -> None:
    modules = [path for path in PACKAGE.rglob("*.py") if "templates" not in path.parts]
    assert len(modules) > 100
    found = [call for path in modules for call in calls(path)]
    assert [call for call in found if not call.startswith(tuple(ELSEWHERE))] == []


def test_an_output_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "poll.plan"
    file.write_bytes(b"old")
    files = DiskFiles()

    def refuse(source: Path, path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(path))

    replace, files.replace = files.replace, refuse  # type: ignore[method-assign]
    with pytest.raises(OSError, match="No space left"):
        write_output(file, b"new", files)
    assert [path.name for path in tmp_path.iterdir()] == ["poll.plan"]
    assert file.read_bytes() == b"old"
    files.replace = replace  # type: ignore[method-assign]
    write_output(file, b"new", files)
    assert file.read_bytes() == b"new"


def test_a_kept_file_is_a_copy_where_links_are_not_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "script").write_bytes(b"x")
    (tmp_path / "script").chmod(0o750)

    def refuse(source: Path, path: Path, *, follow_symlinks: bool) -> None:
        del source, path, follow_symlinks
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    DiskFiles().keep(tmp_path / "script", tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == b"x"
    assert (tmp_path / "kept").stat().st_mode & 0o7777 == 0o750
