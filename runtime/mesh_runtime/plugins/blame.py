"""Finding the line that an error is to be fixed on: the one in somebody's own files, not in a library's."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 300


def own_line(error: BaseException, owns: Callable[[Path], bool]) -> tuple[Path, int] | None:
    """The file and line of the innermost frame in a file that `owns` accepts; None when no frame is.

    A syntax error has no frame in the file that it is in, so its own file and line come first.
    """
    if isinstance(error, SyntaxError) and error.filename and owns(Path(error.filename)):
        return Path(error.filename), error.lineno or 1
    frames = ((Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__))
    own = [(file, line) for file, line in frames if owns(file)]
    return own[-1] if own else None


def described(error: BaseException) -> str:
    """The error on one line: its class, and the first line of what it says."""
    if isinstance(error, SystemExit):
        return f"it exits the process (SystemExit: {_said(error)})"
    said = error.msg if isinstance(error, SyntaxError) and error.msg else _said(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _said(error: BaseException) -> str:
    try:
        lines = str(error).strip().splitlines()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  a stranger's __str__; the class's name has to do
        return ""
    first = lines[0] if lines else ""
    return first if len(first) <= _LONGEST else f"{first[:_LONGEST]}..."
