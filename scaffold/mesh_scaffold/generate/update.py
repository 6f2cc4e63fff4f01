"""`mesh update`: what was generated follows its spec and the templates, and keeps what the user made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_scaffold.generate.past import KIND, past_of, required_record
from mesh_scaffold.generate.rename import renaming_spec, take_renamed
from mesh_scaffold.generate.specs import all_specs, load_spec, spec_path
from mesh_scaffold.generate.taken import take
from mesh_scaffold.generate.work import record_of
from mesh_scaffold.plan import Plan
from mesh_scaffold.record import all_records, record_path, write_record
from mesh_scaffold.spec.findings import SpecError

if TYPE_CHECKING:
    from mesh_descriptors.errors import Problem
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.generate.past import Options
    from mesh_scaffold.generate.taken import Taken
    from mesh_scaffold.generate.work import Past
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Target
    from mesh_scaffold.tree import Tree


def plan_update(tree: Tree, target: Target, project: ProjectFile, name: str | None, options: Options) -> Plan:
    """The plan that brings a type, or all of them, to what its spec and the templates say now.

    Args:
        tree: the project.
        target: the steps to take.
        project: the project's `mesh.toml`.
        name: the type; None for every type that mesh generated and that still has a spec.
        options: what happens to what the user edited, and to stored values.

    Raises:
        NotGeneratedError: mesh did not generate the type.
        NoSpecError: its spec is gone.
        SpecError: the spec cannot be had in this code base.
        BlockedError: with every step that cannot do its part.
        PendingMarkersError: conflicts of an earlier merge are not resolved.
        ConflictError: a conflict is to stop everything.
    """
    records = all_records(tree, KIND)
    notices: list[str] = []
    warnings: list[str] = []
    conflicts: list[Problem] = []
    for each in [name] if name else [record.name for record in records]:
        path = spec_path(project, each)
        renaming = renaming_spec(tree, target, project, each)
        if name is None and renaming is None and not tree.exists(path):
            warnings.append(f"{each} has no spec any more: mesh remove {each} takes it out")
            continue
        if renaming:
            taken = _renamed(tree, target, project, renaming, options)
        else:
            past = past_of(tree, required_record(all_records(tree, KIND), each), project, options)
            taken = _updated(tree, target, project, load_spec(tree, project, path), past, options)
        notices += taken.notices
        warnings += taken.warnings
        conflicts += taken.conflicts
    plan = Plan.of(tree, f"update {name or '--all'}", tuple(dict.fromkeys(notices)), tuple(warnings))
    return replace(plan, conflicts=tuple(conflicts))


def _renamed(tree: Tree, target: Target, project: ProjectFile, spec: PostTypeSpec, options: Options) -> Taken:
    """The type under its new name first, then what its spec changes besides."""
    record = required_record(all_records(tree, KIND), str(spec.renamed_from))
    past = past_of(tree, record, project, options)
    _refuse_objections(tree, target, project, spec, past)
    past, taken = take_renamed(tree, target, project, past, spec, options)
    if spec == past.spec:
        return taken
    if taken.conflicts:
        taken.warnings.append(f"{spec.path} changes more than the name: resolve the conflicts, then update again")
        return taken
    more = _updated(tree, target, project, spec, past, options)
    more.notices[:0], more.warnings[:0] = taken.notices, taken.warnings
    return more


def _updated(
    tree: Tree, target: Target, project: ProjectFile, spec: PostTypeSpec, past: Past, options: Options
) -> Taken:
    if spec != past.spec:
        _refuse_objections(tree, target, project, spec, past)
    taken = take(tree, target, past, spec, options)
    record = record_of(target, spec, taken.files, taken.fragments, taken.leftovers)
    if record.to_json() != tree.read_text(record_path(record.kind, record.name)):
        write_record(tree, record)
    return taken


def _refuse_objections(tree: Tree, target: Target, project: ProjectFile, spec: PostTypeSpec, past: Past) -> None:
    """The code base is asked as it would be without the type: its own columns do not speak against it.

    Those that mesh found there stay, as in a type that was adopted; so what speaks against the old spec too counts not.
    """
    without = tree.fork()
    past.taken(without, target, None, generated=True)
    others = tuple(other for other in all_specs(tree, project)[0] if other.name != spec.name)
    before = {objection.message for objection in target.objections(without, past.spec, others)}
    if objections := [each for each in target.objections(without, spec, others) if each.message not in before]:
        raise SpecError(problems=objections)
