"""Finds the enumerations of types in a project: which files are looked at, and which reader each is for."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.enumerations import markup, plain, python, script, sql
from mesh_scaffold.enumerations.listing import UnreadableError
from mesh_scaffold.enumerations.migrations import in_force, is_migration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mesh_scaffold.enumerations.listing import Listing
    from mesh_scaffold.enumerations.vocabulary import Enumeration, Vocabulary

MAX_BYTES = 1_000_000
"""Larger files are bundles and data."""

_SKIPPED = frozenset(
    {".git", ".hg", ".svn", ".mesh", "node_modules", "bower_components", "__pycache__", "__pypackages__"}
    | {"site-packages", ".tox", ".nox", ".next", ".nuxt", ".svelte-kit", ".turbo"}
)
_MARKS = frozenset({"pyvenv.cfg", "CACHEDIR.TAG", "conda-meta"})
"""What stands in the folder of a virtual environment, or of a cache."""


def _script_with_markup(text: str) -> list[Listing]:
    return [*script.read(text), *markup.selects(text)]


_READERS: dict[str, Callable[[str], list[Listing]]] = {
    **dict.fromkeys((".py", ".pyi"), python.read),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".prisma", ".graphql", ".json"), script.read),
    **dict.fromkeys((".jsx", ".tsx"), _script_with_markup),
    **dict.fromkeys((".html", ".htm", ".jinja", ".jinja2", ".j2", ".vue", ".svelte"), markup.read),
    **dict.fromkeys((".yaml", ".yml"), plain.read_yaml),
    ".toml": plain.read_toml,
    ".sql": sql.read,
}


def project_files(root: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file that may enumerate something; without vendored and derived folders.

    Folders that hold a `pyvenv.cfg` are skipped whether git knows them or not. Links are not followed.
    """
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue  # somebody else's folder, or gone meanwhile
        if any(entry.name in _MARKS for entry in found):
            continue
        for entry in found:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False) and entry.name not in _SKIPPED:
                pending.append(path)
            elif os.path.splitext(entry.name)[1] in _READERS and entry.is_file(follow_symlinks=False):  # noqa: PTH122  quick
                yield from _content(path, entry)


def _content(path: str, entry: os.DirEntry[str]) -> Iterator[tuple[str, bytes]]:
    try:
        if entry.stat(follow_symlinks=False).st_size <= MAX_BYTES:
            with open(entry.path, "rb") as file:  # noqa: PTH123  quick
                yield path, file.read()
    except OSError:
        return


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that names types and cannot be read."""

    path: str
    reason: str
    line: int | None

    @property
    def problem(self) -> Problem:
        """What the user should know."""
        remedy = "Correct it; until then nobody knows which types it lists."
        return Problem(f"{self.reason}; it was not searched for types", Place(self.path, self.line), remedy)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        enumerations: in all files.
        lines: of each file that has some.
        unread: the files that may have some and cannot be read.
    """

    enumerations: list[Enumeration]
    lines: dict[str, list[str]]
    unread: list[Unread]


def as_is(path: str, content: bytes) -> bytes:
    """The content itself."""
    del path
    return content


def find(
    files: Iterable[tuple[str, bytes]],
    vocabulary: Vocabulary,
    migrations: str,
    seen: Callable[[str, bytes], bytes] = as_is,
) -> Found:
    """The enumerations in `files`.

    Args:
        files: path and content.
        vocabulary: the types.
        migrations: the folder of the project's migrations; of these, and of others, only what is in force counts.
        seen: what a file that may enumerate types is read as.
    """
    texts: dict[str, str] = {}
    found: list[Enumeration] = []
    unread: list[Unread] = []
    past: list[tuple[str, str]] = []
    for path, content in files:
        if is_migration(path, migrations):
            if path.endswith(".sql"):
                past.append((path, content.decode("utf-8", "replace")))
            continue
        if vocabulary.may_enumerate(content):
            texts[path] = seen(path, content).decode("utf-8", "replace")
            try:
                found += _recognised(path, _read(path, texts[path]), vocabulary)
            except UnreadableError as error:
                unread.append(Unread(path, str(error), error.line))
    texts |= dict(past)
    for path, listing in in_force(sorted(past)):
        found += _recognised(path, [listing], vocabulary)
    with_some = {enumeration.path for enumeration in found}
    lines = {path: re.split(r"\r\n|\r|\n", text) for path, text in texts.items() if path in with_some}
    return Found(found, lines, unread)


def _read(path: str, text: str) -> list[Listing]:
    try:
        return _READERS[os.path.splitext(path)[1]](text)  # noqa: PTH122  quick
    except RecursionError as error:
        raise UnreadableError("is nested too deep") from error


def _recognised(path: str, listings: Iterable[Listing], vocabulary: Vocabulary) -> list[Enumeration]:
    """The listings that enumerate types; of two that are one inside the other and the same, the outer one."""
    found: list[Enumeration] = []
    for listing in listings:
        enumeration = vocabulary.recognise(path, listing)
        if enumeration is not None and not any(_covers(other, enumeration) for other in found):
            found.append(enumeration)
    return found


def _covers(outer: Enumeration, inner: Enumeration) -> bool:
    one, other = outer.listing, inner.listing
    return one.line <= other.line and other.end <= one.end and set(outer.types) == set(inner.types)
