"""`mesh new`: a spec becomes code, through the target's steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.formatting import NO_FORMATTERS
from mesh_scaffold.generate.conflicts import ConflictError, aborting, refuse
from mesh_scaffold.generate.past import Options, spec_of
from mesh_scaffold.generate.specs import all_specs
from mesh_scaffold.generate.taken import Taken
from mesh_scaffold.generate.work import SPEC_STEP, BlockedError, Work, record_of
from mesh_scaffold.plan import Plan
from mesh_scaffold.record import GeneratedFile, read_record, write_record
from mesh_scaffold.spec.findings import SpecError
from mesh_scaffold.spec.model import UNSET, Name, PostTypeSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.formatting import Formatters
    from mesh_scaffold.generate.conflicts import Resolve
    from mesh_scaffold.record import Record
    from mesh_scaffold.steps import Target
    from mesh_scaffold.tree import Change, Tree

__all__ = ["BlockedError", "ConflictError", "DuplicateTypeError", "SpecChangedError", "plan_new"]


class DuplicateTypeError(MeshError):
    """The type is there already, made by somebody else."""


class SpecChangedError(MeshError):
    """The spec is not the one that the code was generated from."""


def plan_new(
    tree: Tree,
    target: Target,
    spec: PostTypeSpec,
    project: ProjectFile,
    formatters: Formatters = NO_FORMATTERS,
    resolve: Resolve = aborting,
) -> Plan:
    """The plan that gives the project the type that `spec` describes; without changes when it has it already.

    Args:
        tree: the project; what the command line added to it, such as the spec itself, becomes part of the plan.
        target: the steps to take.
        spec: the new type.
        project: the project's `mesh.toml`.
        formatters: what lays out the generated text.
        resolve: what happens to a file that stands where another is to be created.

    Raises:
        SpecChangedError: the type was generated from another spec.
        DuplicateTypeError: the code has the type, and mesh did not generate it.
        SpecError: the spec cannot be had in this code base.
        BlockedError: with every step that cannot do its part.
        ConflictError: with every file that is in the way.
        FormatterError: the project's formatter cannot be run, or fails.
    """
    command = f"new {spec.kind} {spec.name}"
    record = read_record(tree, spec.kind, spec.name)
    if record is not None:
        _require_unchanged(record, spec)
        return Plan.of(tree, command, notices=(f"{spec.name} is generated from {spec.path} already",))
    others = tuple(other for other in all_specs(tree, project)[0] if other.name != spec.name)
    _refuse_duplicates(tree, target, spec, others)
    if objections := target.objections(tree, spec, others):
        raise SpecError(problems=objections)
    options = Options(resolve, formatters=formatters)
    own = [GeneratedFile(each.path, SPEC_STEP, _content(each)) for each in tree.changes() if each.path == spec.path]
    before, work, taken = tree.fork(), Work(), Taken()
    for step in target.steps(spec.kind):
        work.take(step, tree, (None, spec))
    work.require_done()
    formatters.format_generated(tree, work.files)
    for path, step_name in work.files.items():
        taken.generated_file(tree, before, GeneratedFile(path, step_name, b""), None, options)
    refuse(taken.refused)
    write_record(tree, record_of(target, spec, [*taken.files, *own], work.fragments))
    plan = Plan.of(tree, command, (*_unread(spec), *work.notices), (*work.warnings, *taken.warnings))
    return replace(plan, conflicts=tuple(taken.conflicts))


def _unread(spec: PostTypeSpec) -> Iterator[str]:
    """What the spec says of an earlier state, of which a new type has none."""
    if spec.renamed_from:
        yield f"{spec.place('renamed_from')}: there is no type {spec.renamed_from}, so nothing is renamed; take it out"
    for field in spec.fields:
        said = {"renamed_from": field.renamed_from is not None, "backfill": field.backfill is not UNSET}
        for key in (key for key, is_said in said.items() if is_said):
            place = spec.place("fields", field.key, key)
            yield f"{place}: {key} says nothing in a new type: mesh update reads it when the type changes; take it out"


def _content(change: Change) -> bytes:
    return change.after.content if change.after else b""


def _require_unchanged(record: Record, spec: PostTypeSpec) -> None:
    if spec_of(record) != spec:
        raise SpecChangedError(
            f"has changed since {spec.name} was generated",
            place=Place(spec.path),
            remedy=f"Run mesh update {spec.name}.",
        )


def _refuse_duplicates(tree: Tree, target: Target, spec: PostTypeSpec, others: Collection[PostTypeSpec]) -> None:
    present = target.types(tree, spec.kind)
    if spec.name in present:
        raise DuplicateTypeError(
            f"the code has a type {spec.name!r} already, which mesh did not generate",
            place=target.place_of_type(tree, spec.kind, spec.name),
            remedy="Choose another name for the new type.",
        )
    if spec.renamed_from in present:
        raise SpecChangedError(
            f"renames the type {spec.renamed_from!r}, which is there",
            place=spec.place("renamed_from"),
            remedy=f"Run mesh update {spec.name}, or leave `renamed_from` out to make a new type.",
        )
    refuse_same_class(spec, {*present, *(str(other.name) for other in others)})


def refuse_same_class(spec: PostTypeSpec, others: Collection[str]) -> None:
    """Refuse a type whose classes would be called as those of another.

    Raises:
        DuplicateTypeError: with the other's name.
    """
    for name in others:
        if PostTypeSpec(Name(name), "", ()).class_name == spec.class_name:
            raise DuplicateTypeError(
                f"the types {name!r} and {spec.name!r} are both {spec.class_name!r} in generated code",
                place=spec.place("name"),
                remedy="Choose another name for the new type.",
            )
