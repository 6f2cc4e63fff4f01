"""What was generated from a spec, read from its record; and which of it may still be changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.formatting import NO_FORMATTERS, Formatters
from mesh_scaffold.generate.conflicts import Resolve, marking, refuse_pending
from mesh_scaffold.generate.work import Past, keys_of
from mesh_scaffold.record import all_records, record_path
from mesh_scaffold.spec.findings import did_you_mean
from mesh_scaffold.spec.read import read_document

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.record import Record
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Retired
    from mesh_scaffold.tree import Tree

KIND = "post-type"
Frozen: TypeAlias = Callable[[Sequence[str]], frozenset[str]]
"""Which of these migrations others have already: git's HEAD, or a database that applied them."""


class NotGeneratedError(MeshError):
    """mesh did not generate such a type."""


def nothing_frozen(paths: Sequence[str]) -> frozenset[str]:
    """Nobody has any of them."""
    del paths
    return frozenset()


@dataclass(frozen=True, slots=True)
class Options:
    """How a change of what was generated is made.

    Attributes:
        resolve: what happens to a file that the user edited and that is to be otherwise.
        frozen: which migrations may not be changed any more; asked at most once for each spec.
        allow_data_loss: whether stored values may be dropped.
        formatters: the project's own, which generated text goes through.
        retire: writes the migration that takes a value out of an enum; None where that is not asked for.
    """

    resolve: Resolve = marking
    frozen: Frozen = nothing_frozen
    allow_data_loss: bool = False
    formatters: Formatters = NO_FORMATTERS
    retire: Callable[[str, str], Retired] | None = None


def spec_of(record: Record) -> PostTypeSpec:
    """The spec as it was generated."""
    fields = record.spec.get("fields", {}).values()
    refs = {str(field["type"]).removeprefix("list[").removeprefix("ref[").rstrip("]") for field in fields}
    return read_document(record.spec, record_path(record.kind, record.name), refs | {"user", "post"})


def required_record(records: Sequence[Record], name: str) -> Record:
    """The record of the type called `name`.

    Raises:
        NotGeneratedError: mesh did not generate it.
    """
    found = next((record for record in records if record.name == name), None)
    if found is None:
        names = [record.name for record in records]
        raise NotGeneratedError(
            f"mesh did not generate a type {name!r} here",
            place=Place(record_path(KIND, name)),
            remedy=did_you_mean(name, names) if names else "mesh new post-type makes one from its spec.",
        )
    return found


def past_of(tree: Tree, record: Record, project: ProjectFile, options: Options) -> Past:
    """What was generated from the record's spec, on the terms of `options`.

    Raises:
        PendingMarkersError: conflicts of an earlier merge are not resolved.
    """
    refuse_pending(tree, [*(file.path for file in record.files), *(piece.file for piece in record.fragments)])
    folder = f"{project.paths.migrations}/"
    migrations = [file for file in record.files if file.path.startswith(folder) and tree.exists(file.path)]
    edited = {file.path for file in migrations if tree.read(file.path) != file.content}
    frozen = options.frozen([file.path for file in migrations]) if migrations else frozenset()
    others = [other for other in all_records(tree, record.kind) if other.name != record.name]
    return Past(record, spec_of(record), frozen | edited, keys_of(others), options.allow_data_loss, options.retire)
