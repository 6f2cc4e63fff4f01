"""Findings as the workflow commands that GitHub shows at their lines."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mesh_descriptors.errors import Problem


def workflow_commands(root: Path, level: str, problems: Iterable[Problem]) -> Iterator[str]:
    """One line for each problem: `::error file=app/feed.py,line=12::...`.

    Args:
        root: the project; paths are written relative to the repository that it is in.
        level: "error" or "notice".
        problems: what to say.
    """
    prefix = _in_repository(root)
    for problem in problems:
        place = problem.place
        properties = []
        if place is not None and place.path is not None:
            properties.append(f"file={_property(str(prefix / place.path))}")
            properties += [f"{key}={number}" for key, number in (("line", place.line), ("col", place.column)) if number]
        said = f"{problem.message}\n{problem.remedy}" if problem.remedy else problem.message
        yield f"::{level} {','.join([*properties, 'title=mesh check'])}::{_data(said)}"


def _in_repository(root: Path) -> PurePosixPath:
    """Where the project is in its repository."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            return PurePosixPath(root.relative_to(folder).as_posix())
    return PurePosixPath()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
