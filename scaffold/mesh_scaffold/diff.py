"""Changes as a unified diff that `git apply` takes: new files, deletions, modes, missing newlines, binary files."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_scaffold.tree import Change

NO_NEWLINE = "\\ No newline at end of file\n"


def unified_diff(change: Change) -> str:
    """The change as git would show it; empty when the two sides are equal."""
    return "".join(_diff_lines(change))


def line_changes(change: Change) -> list[str]:
    """The lines that differ, each behind `-` or `+`, without line ends and context."""
    before, after = _texts(change)
    lines = difflib.unified_diff(lines_of(before or ""), lines_of(after or ""), n=0)
    body = list(lines)[2:]  # without the two lines that name the files
    return [line.rstrip("\r\n") for line in body if not line.startswith("@@ ")]


def _diff_lines(change: Change) -> Iterator[str]:
    path = change.path
    if change.before == change.after:
        return
    yield f"diff --git a/{path} b/{path}\n"
    yield from _mode_lines(change)
    before, after = _texts(change)
    if before is None or after is None:
        yield f"Binary files a/{path} and b/{path} differ\n"
        return
    tab = "\t" if " " in path else ""  # what git writes, so that the name's end can be told
    old = "/dev/null" if change.before is None else f"a/{path}{tab}"
    new = "/dev/null" if change.after is None else f"b/{path}{tab}"
    for line in difflib.unified_diff(lines_of(before), lines_of(after), old, new):
        yield line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}"


def _mode_lines(change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    if before is None and after is not None:
        yield f"new file mode {_git_mode(after.mode)}\n"
    elif after is None and before is not None:
        yield f"deleted file mode {_git_mode(before.mode)}\n"
    elif before and after and _git_mode(before.mode) != _git_mode(after.mode):
        yield f"old mode {_git_mode(before.mode)}\nnew mode {_git_mode(after.mode)}\n"


def _git_mode(mode: int) -> str:
    """Git knows two modes of regular files."""
    return "100755" if mode & 0o100 else "100644"


def _texts(change: Change) -> tuple[str | None, str | None]:
    return tuple(_text(side.content if side else b"") for side in (change.before, change.after))  # type: ignore[return-value]  # of two


def _text(content: bytes) -> str | None:
    try:
        return None if b"\0" in content else content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def lines_of(text: str) -> list[str]:
    """The lines with their ends; only a line feed ends one, as for git."""
    return [f"{line}\n" for line in text.split("\n")[:-1]] + ([last] if (last := text.rpartition("\n")[2]) else [])
