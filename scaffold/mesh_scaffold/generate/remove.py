"""`mesh remove`: what was generated from a spec goes; what was found, edited, or is needed by others stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_scaffold.generate.conflicts import Clash
from mesh_scaffold.generate.past import KIND, NotGeneratedError, past_of, required_record
from mesh_scaffold.generate.specs import spec_path
from mesh_scaffold.generate.taken import take
from mesh_scaffold.generate.work import SPEC_STEP
from mesh_scaffold.plan import Plan
from mesh_scaffold.record import all_records, record_path
from mesh_scaffold.spec.model import Name, PostTypeSpec

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.generate.past import Options
    from mesh_scaffold.generate.taken import Taken
    from mesh_scaffold.record import Record
    from mesh_scaffold.steps import Target
    from mesh_scaffold.tree import Tree


def plan_remove(tree: Tree, target: Target, project: ProjectFile, name: str, options: Options) -> Plan:
    """The plan that takes a type out of the code base.

    Args:
        tree: the project.
        target: the steps to take back.
        project: the project's `mesh.toml`.
        name: the type.
        options: what happens to what the user edited, and to stored values.

    Raises:
        NotGeneratedError: mesh did not generate the type, or found it in the code when it adopted it.
        BlockedError: with every step that cannot do its part.
        PendingMarkersError: conflicts of an earlier merge are not resolved.
        ConflictError: a conflict is to stop everything.
    """
    record = required_record(all_records(tree, KIND), name)
    past = past_of(tree, record, project, options)
    _refuse_found(tree, target, record)
    taken = take(tree, target, past, None, options)
    if SPEC_STEP not in {file.step for file in record.files}:
        _leave_spec(tree, spec_path(project, name), options, taken)
    tree.delete(record_path(KIND, name))
    warnings = [*taken.warnings, *(f"{path} was edited and stays" for path in taken.kept)]
    plan = Plan.of(tree, f"remove {name}", tuple(dict.fromkeys(taken.notices)), tuple(warnings))
    return replace(plan, conflicts=tuple(taken.conflicts))


def _refuse_found(tree: Tree, target: Target, record: Record) -> None:
    """An adopted type stays in the shared files, which then need the files that would go."""
    place = target.place_of_type(tree, KIND, record.name)
    member = PostTypeSpec(Name(record.name), "", ()).enum_value
    here = [each for each in record.fragments if place and each.file == place.path and member in each.text]
    if any(each.origin == "found" for each in here):
        raise NotGeneratedError(
            f"{record.name} was there before mesh: what was found is never taken back",
            place=place,
            remedy=f"Take it out by hand; mesh check {record.name} names its places. To make mesh forget it, and "
            f"nothing else, delete {record_path(KIND, record.name)}.",
        )


def _leave_spec(tree: Tree, path: str, options: Options, taken: Taken) -> None:
    """A spec that a person wrote is theirs."""
    content = tree.read(path)
    if content is None:
        return
    if options.resolve(Clash(path, content, b"", None)) == "overwrite":
        tree.delete(path)
    else:
        taken.warnings.append(f"{path} stays: mesh did not write it. Delete it, or mesh check asks for the type")
