"""`mesh adopt`: a hand-written type gets the spec and the record that it would have if mesh had made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place
from mesh_descriptors.project import PROJECT_FILE
from mesh_scaffold.generate.check import KIND, check
from mesh_scaffold.generate.specs import load_spec, spec_path, write_spec
from mesh_scaffold.generate.work import SPEC_STEP, Work, record_of
from mesh_scaffold.plan import Plan
from mesh_scaffold.record import GeneratedFile, read_record, write_record
from mesh_scaffold.spec.findings import did_you_mean
from mesh_scaffold.spec.write import to_yaml
from mesh_scaffold.targets.adopting import Adopting

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.record import Record
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Target
    from mesh_scaffold.tree import Tree


class NotInCodeError(MeshError):
    """There is no such type to adopt."""


def plan_adopt(tree: Tree, target: Target, project: ProjectFile, name: str) -> Plan:
    """The plan that writes the spec and the record of a type that the code has; without changes when it has them.

    Args:
        tree: the project.
        target: whose code it is.
        project: the project's `mesh.toml`.
        name: the type, in snake case.

    Raises:
        NotInCodeError: the code has no such type.
        AdoptError: no spec can describe it.
        SpecError: what the code says cannot be a spec.
    """
    command = f"adopt {name}"
    if read_record(tree, KIND, name) is not None:
        return Plan.of(tree, command, notices=(f"{name} has a spec and a record already",))
    present = target.types(tree, KIND)
    if name not in present:
        raise NotInCodeError(f"the code has no type {name!r}", remedy=did_you_mean(name, present))
    if not isinstance(target, Adopting):
        remedy = "Write its spec by hand, as docs/spec.md says."
        message = f"types of the target {target.name} cannot be adopted"
        raise NotInCodeError(message, place=Place(PROJECT_FILE, field="project.target"), remedy=remedy)
    before = check(tree, target, project, name).findings
    path = spec_path(project, name)
    files: list[GeneratedFile] = []
    notices: tuple[str, ...] = ()
    if tree.exists(path):
        spec = load_spec(tree, project, path)
    else:
        adopted = target.adopted(tree, name)
        spec, notices = write_spec(tree, project, path, to_yaml(adopted.document)), adopted.notices
        files = [GeneratedFile(path, SPEC_STEP, tree.read(path) or b"")]
    write_record(tree, _record(tree, target, spec, files))
    new = [finding for finding in check(tree, target, project, name).findings if finding not in before]
    return Plan.of(tree, command, notices, tuple(map(str, new)))


def _record(tree: Tree, target: Target, spec: PostTypeSpec, files: list[GeneratedFile]) -> Record:
    """The type's own files and its pieces of shared ones, as they are found."""
    trial, work = tree.fork(), Work()
    for step in target.steps(spec.kind):
        work.take(step, trial, (None, spec))
    own = ((path, step, tree.read(path)) for path, step in work.files.items())
    files += [GeneratedFile(path, step, content, "found") for path, step, content in own if content is not None]
    found = [fragment for fragment in work.fragments if fragment.origin == "found"]
    return record_of(target, spec, files, found)
