"""`mesh check`: the places that enumerate types and lack one, wherever they are in the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_descriptors.project import PROJECT_FILE
from mesh_scaffold.enumerations.judge import judge
from mesh_scaffold.enumerations.migrations import is_migration
from mesh_scaffold.enumerations.scan import find
from mesh_scaffold.enumerations.vocabulary import LEAST, Vocabulary
from mesh_scaffold.steps import Holds, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.enumerations.judge import Gap, Stale
    from mesh_scaffold.enumerations.vocabulary import Enumeration
    from mesh_scaffold.generate.matrix import Matrix
    from mesh_scaffold.spec.model import PostTypeSpec


@dataclass(frozen=True, slots=True)
class Enumerated:
    """The gaps in enumerations, and what to know about acknowledgements and files that cannot be read."""

    gaps: tuple[Gap, ...] = ()
    stale: tuple[Stale, ...] = ()
    notices: tuple[Problem, ...] = ()


def enumerated(
    files: Iterable[tuple[str, bytes]],
    matrix: Matrix,
    present: Collection[str],
    project: ProjectFile,
    seen: Callable[[str, bytes], bytes],
    former: Collection[str] = (),
) -> Enumerated:
    """Judge the enumerations in `files`.

    Args:
        files: path and content of what may enumerate types.
        matrix: the verdicts on all types; what a step found to hold is not judged again.
        present: the types that the code has; a spec without code is no gap anywhere.
        project: the project's `mesh.toml`.
        seen: what a file that may enumerate types is read as.
        former: the names that were types once.
    """
    if len(matrix.types) < LEAST:
        return Enumerated()
    paths = project.paths
    own = (f"{paths.specs}/", f"{PROJECT_FILE}")
    others = ((path, content) for path, content in files if not path.startswith(own))
    read = find(others, Vocabulary(matrix.types), paths.migrations, seen)
    found = [each for each in read.enumerations if not _is_field(each, matrix.specs)]
    places = [verdict.place for verdict in matrix.verdicts.values() if isinstance(verdict, Holds)]
    result = judge(
        found,
        [name for name in matrix.types if name in present],
        judged={(place.path, place.line) for place in places if place and place.path and place.line},
        feeds={str(spec.name): spec.feeds for spec in matrix.specs},
        lines=read.lines,
        acknowledged=project.check.enumerations,
        former=former,
    )
    idle = [
        Problem(
            "acknowledges nothing: there is no such enumeration",
            Place(PROJECT_FILE, field=f"check.enumerations.{number}"),
            "Correct it, or remove it.",
        )
        for number in result.idle
    ]
    told = {
        (verdict.place and verdict.place.path) for verdict in matrix.verdicts.values() if isinstance(verdict, Unknown)
    }
    unread = [each.problem for each in read.unread if each.path not in told]
    stale = (each for each in result.stale if not is_migration(each.enumeration.path, paths.migrations))
    return Enumerated(result.gaps, tuple(stale), (*unread, *idle))


def _is_field(enumeration: Enumeration, specs: Sequence[PostTypeSpec]) -> bool:
    """Whether these are the values of an enum field that happen to be called like types."""
    words = {word.text for member in enumeration.listing.members for word in member.values()} - {""}
    fields = (field for spec in specs for field in spec.fields if field.values)
    return any(words == set(field.values) for field in fields)
