"""Conflict markers in a text, as git writes them."""

from __future__ import annotations

import re
from typing import Literal

from mesh_scaffold.diff import lines_of

OURS, MIDDLE, THEIRS = "<<<<<<< yours", "=======", ">>>>>>> generated"
"""The lines around the two sides of a conflict, as git writes them."""
_MARKED = re.compile(r"^<{7} .*?^={7}\r?$.*?^>{7} ", re.MULTILINE | re.DOTALL)
_SIDES = (">>>>>>>", "<<<<<<<", "|||||||", "=======")
"""What begins a line behind which both sides follow, ours, the base, theirs."""


def marked_line(text: str) -> int | None:
    """The line, from 1, of the first conflict that waits in `text`; None when none does."""
    found = _MARKED.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def stray_line(text: str) -> int | None:
    """The first line that begins as a marker does, whole or half of a conflict; None when there is none."""
    found = (number for number, line in enumerate(lines_of(text), 1) if line.startswith(_SIDES))
    return next(found, None)


def without_markers(text: str) -> str:
    """The text without the lines that begin as markers do."""
    return "".join(line for line in lines_of(text) if not line.startswith(_SIDES))


def sides_of(text: str) -> tuple[str, str]:
    """Both sides of a text that git left with conflict markers; twice the text itself when it has none."""
    ours: list[str] = []
    theirs: list[str] = []
    into: tuple[list[str], ...] = (ours, theirs)
    for line in lines_of(text):
        word = line.rstrip("\r\n").partition(" ")[0]
        if word in _SIDES:
            into = ((ours, theirs), (ours,), (), (theirs,))[_SIDES.index(word)]
            continue
        for side in into:
            side.append(line)
    return "".join(ours), "".join(theirs)


def unmarked(text: str, *kept: Literal["ours", "theirs"]) -> str:
    """A text with conflict markers, with only those sides; what goes leaves empty lines, so that no line moves."""
    lines: list[str] = []
    side = ""
    for line in lines_of(text):
        word = line.rstrip("\r\n").partition(" ")[0]
        if word in _SIDES and (side or word == "<<<<<<<"):
            side = ("", "ours", "base", "theirs")[_SIDES.index(word)]
            lines.append(_line_break(line))
        else:
            lines.append(line if side in {"", *kept} else _line_break(line))
    return "".join(lines)


def _line_break(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]
