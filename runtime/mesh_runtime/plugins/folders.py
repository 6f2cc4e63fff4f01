"""Which folders hold plug-ins, and what state of theirs is on disk; nothing of it is imported here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import mesh_runtime
from mesh_descriptors.documents import line_of_key
from mesh_descriptors.errors import Place, Problem
from mesh_descriptors.plugin import PLUGIN_FILE, is_module_name
from mesh_runtime.plugins.registry import PluginProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_descriptors.project import ProjectFile

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Relative path, mtime in ns, size and inode of every file: unequal as soon as somebody saves one."""

_IGNORED = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class PluginFolder:
    """A folder whose sub-folders are plug-ins.

    Attributes:
        path: the folder.
        boundary: no symbolic link may lead a plug-in out of it; messages show paths relative to it. Default: `path`.
        first_party: whether mesh ships these plug-ins.
    """

    path: Path
    boundary: Path | None = None
    first_party: bool = False

    def holds(self, path: Path) -> bool:
        """Whether `path`, links followed, is inside the boundary."""
        # Unlike Path.resolve, realpath does not raise at links that go in a circle.
        real, boundary = (Path(os.path.realpath(each)) for each in (path, self.boundary or self.path))
        return real.is_relative_to(boundary)

    def shown(self, path: Path) -> str:
        """How messages name `path`: relative to the boundary, and printable whatever bytes the name has."""
        root = self.boundary or self.path
        relative = path.relative_to(root) if path.is_relative_to(root) else path
        return os.fsencode(relative).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A folder that may hold a plug-in, as it was when it was scanned."""

    name: str
    path: Path
    folder: PluginFolder
    fingerprint: Fingerprint

    def shown(self, file: str | Path = PLUGIN_FILE) -> str:
        """How messages name one of its files."""
        return self.folder.shown(self.path / file)

    def place(self, field: str) -> Place:
        """Where a field stands in its `plugin.toml`; without the line when the file has gone since it was scanned."""
        try:
            text = (self.path / PLUGIN_FILE).read_text("utf-8", "replace")
        except OSError:
            return Place(self.shown(), field=field)
        return Place(self.shown(), line_of_key(text, field.split(".")), field=field)


@dataclass(frozen=True, slots=True)
class Scan:
    """What the plug-in folders hold; two scans are equal when nothing has changed between them."""

    candidates: tuple[Candidate, ...]
    problems: tuple[PluginProblem, ...]


class _RefusedError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def first_party_folder() -> Path | None:
    """The plug-ins that mesh ships: inside the installed package, else the checkout's; None where neither is."""
    package = Path(mesh_runtime.__file__).parent
    installed, checkout = package / "first_party", package.parents[1] / "plugins"
    if installed.is_dir():
        return installed
    # A checkout has a pyproject.toml; site-packages has none, and a folder `plugins` there would be a stranger's.
    return checkout if checkout.is_dir() and (checkout.parent / "pyproject.toml").is_file() else None


def plugin_folders(project: Path, project_file: ProjectFile) -> tuple[PluginFolder, ...]:
    """The project's `[paths].plugins` in order, then the first-party folder; a folder named twice is taken once."""
    own = [PluginFolder(project / path, boundary=project) for path in project_file.paths.plugins]
    shipped = first_party_folder()
    every = [*own, *([PluginFolder(shipped, first_party=True)] if shipped else [])]
    once: dict[str, PluginFolder] = {}
    for folder in every:
        once.setdefault(os.path.realpath(folder.path), folder)
    return tuple(once.values())


def scan(folders: Sequence[PluginFolder]) -> Scan:
    """Look at every plug-in folder: one `stat` per file, nothing is read or imported."""
    candidates: list[Candidate] = []
    problems: list[PluginProblem] = []
    listed = {os.path.realpath(folder.path) for folder in folders}
    for folder in folders:
        for path in _plugin_paths(folder, problems):
            if os.path.realpath(path) in listed:
                continue
            try:
                candidates.append(_candidate(folder, path))
            except _RefusedError as error:
                name = os.fsencode(path.name).decode("utf-8", "backslashreplace")
                problems.append(PluginProblem(name, error.problem))
    present = (candidate for candidate in candidates if candidate.fingerprint)
    return Scan(tuple(present), tuple(problems))


def _plugin_paths(folder: PluginFolder, problems: list[PluginProblem]) -> list[Path]:
    """The sub-folders by name, without those that start with `.` or `_`: hidden, caches, and switched off by hand."""
    place = Place(folder.shown(folder.path))
    try:
        if not folder.holds(folder.path):
            raise _RefusedError(Problem("the folder is a link that leaves the project", place, "Copy the folder."))
        return sorted(path for path in folder.path.iterdir() if path.name[0] not in "._" and path.is_dir())
    except FileNotFoundError:
        return []  # git keeps no empty folder: a project without plug-ins has none
    except NotADirectoryError:
        problems.append(PluginProblem(None, Problem("is no folder", place, "Correct [paths].plugins in mesh.toml.")))
    except OSError as error:
        problems.append(PluginProblem(None, Problem(f"cannot be read: {error.strerror}", place)))
    except _RefusedError as error:
        problems.append(PluginProblem(None, error.problem))
    return []


def _candidate(folder: PluginFolder, path: Path) -> Candidate:
    place = Place(folder.shown(path))
    if not is_module_name(path.name):
        raise _RefusedError(
            Problem(
                "the name of a plug-in folder must be a Python identifier of ASCII letters, digits and underscores",
                place,
                "Rename the folder, or start its name with an underscore to switch the plug-in off.",
            )
        )
    if not folder.holds(path):
        raise _RefusedError(
            Problem("the plug-in is a link that leaves the project", place, "Copy the plug-in's folder.")
        )
    try:
        return Candidate(path.name, path, folder, tuple(sorted(_files(folder, path, path))))
    except OSError as error:
        raise _RefusedError(Problem(f"cannot be read: {error.strerror}", place)) from error


def _files(folder: PluginFolder, top: Path, path: Path) -> Iterator[tuple[str, int, int, int]]:
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _IGNORED:
                continue
            file = Path(entry.path)
            if entry.is_symlink() and not folder.holds(file):
                problem = Problem("is a link that leaves the project", Place(folder.shown(file)), "Copy the file.")
                raise _RefusedError(problem)
            if entry.is_dir(follow_symlinks=False):
                yield from _files(folder, top, file)
            elif state := _state(entry):
                yield (os.path.relpath(file, top), *state)


def _state(entry: os.DirEntry[str]) -> tuple[int, int, int] | None:
    """None for what cannot be looked at: a file that has gone since it was listed, or a link to nothing."""
    try:
        found = entry.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
