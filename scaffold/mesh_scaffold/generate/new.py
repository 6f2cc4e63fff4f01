"""`mesh new`: a spec becomes code, through the target's steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_scaffold.generate.specs import all_specs
from mesh_scaffold.plan import Plan
from mesh_scaffold.record import GeneratedFile, Record, read_record, record_path, write_record
from mesh_scaffold.spec.findings import SpecError
from mesh_scaffold.spec.model import Name, PostTypeSpec
from mesh_scaffold.spec.read import read_document
from mesh_scaffold.spec.write import to_document
from mesh_scaffold.steps import Blocked, Made

if TYPE_CHECKING:
    from collections.abc import Collection

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.steps import Fragment, Step, Target
    from mesh_scaffold.tree import Tree


class DuplicateTypeError(MeshError):
    """The type is there already, made by somebody else."""


class SpecChangedError(MeshError):
    """The spec is not the one that the code was generated from."""


class BlockedError(MeshError):
    """Steps cannot do their part; nothing was written."""


class ConflictError(MeshError):
    """Files that would be created are there with other content; nothing was written."""

    exit_code = 1


@dataclass(slots=True)
class _Work:
    """What the steps have reported so far."""

    fragments: list[Fragment] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)  # the step that generated each, by path
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    blocks: list[Problem] = field(default_factory=list)


def plan_new(tree: Tree, target: Target, spec: PostTypeSpec, project: ProjectFile) -> Plan:
    """The plan that gives the project the type that `spec` describes; without changes when it has it already.

    Args:
        tree: the project; what the command line added to it, such as the spec itself, becomes part of the plan.
        target: the steps to take.
        spec: the new type.
        project: the project's `mesh.toml`.

    Raises:
        SpecChangedError: the type was generated from another spec.
        DuplicateTypeError: the code has the type, and mesh did not generate it.
        SpecError: the spec cannot be had in this code base.
        BlockedError: with every step that cannot do its part.
        ConflictError: with every file that is in the way.
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
    work = _Work()
    for step in target.steps(spec.kind):
        _take(step, tree, spec, work)
    if work.blocks:
        raise BlockedError(problems=work.blocks)
    _refuse_conflicts(tree, work)
    write_record(tree, _record(tree, target, spec, work))
    return Plan.of(tree, command, tuple(work.notices), tuple(work.warnings))


def _require_unchanged(record: Record, spec: PostTypeSpec) -> None:
    path = record_path(record.kind, record.name)
    refs = {field.type.ref for field in spec.fields if field.type.ref} | {"user", "post"}
    generated = read_document(record.spec, path, refs)
    if generated != spec:
        raise SpecChangedError(
            f"has changed since {spec.name} was generated",
            place=Place(spec.path),
            remedy=f"Run mesh update {spec.name}. Where this mesh has no such command yet, restore the spec; "
            f"{path} holds what it said.",
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
            remedy=f"Renaming is the work of mesh update {spec.name}, not of mesh new.",
        )
    for name in {*present, *(other.name for other in others)}:
        if PostTypeSpec(Name(name), "", ()).class_name == spec.class_name:
            raise DuplicateTypeError(
                f"the types {name!r} and {spec.name!r} are both {spec.class_name!r} in generated code",
                place=spec.place("name"),
                remedy="Choose another name for the new type.",
            )


def _take(step: Step, tree: Tree, spec: PostTypeSpec, work: _Work) -> None:
    try:
        outcome = step.change(tree, None, spec, ())
    except MeshError as error:
        work.blocks += error.problems
        return
    if isinstance(outcome, Blocked):
        work.blocks.append(Problem(f"{step.title}: {outcome.message}", outcome.place, outcome.remedy))
        return
    work.fragments += outcome.fragments
    if isinstance(outcome, Made):
        work.files |= dict.fromkeys(outcome.files, step.name)
        work.notices += outcome.notices
        work.warnings += outcome.warnings


def _refuse_conflicts(tree: Tree, work: _Work) -> None:
    conflicts = [
        Problem(
            "exists with other content; nothing was written", Place(change.path), "Rename, move or delete the file."
        )
        for change in tree.changes()
        if change.path in work.files and change.before is not None
    ]
    if conflicts:
        raise ConflictError(problems=conflicts)


def _record(tree: Tree, target: Target, spec: PostTypeSpec, work: _Work) -> Record:
    files = ((path, step, tree.read(path)) for path, step in sorted(work.files.items()))
    return Record(
        kind=spec.kind,
        name=spec.name,
        target=target.name,
        spec=to_document(spec),
        files=tuple(GeneratedFile(path, step, content) for path, step, content in files if content is not None),
        fragments=tuple(work.fragments),
    )
