"""A type that its spec calls otherwise now: its files move, and whatever was made for it follows under the new name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.generate.conflicts import refuse
from mesh_scaffold.generate.new import DuplicateTypeError, refuse_same_class
from mesh_scaffold.generate.past import KIND, NotGeneratedError
from mesh_scaffold.generate.specs import SpecExistsError, all_specs, load_spec, spec_path
from mesh_scaffold.generate.taken import take
from mesh_scaffold.generate.work import SPEC_STEP, Work, record_of
from mesh_scaffold.record import all_records, record_path, write_record
from mesh_scaffold.spec.changes import under_new_name
from mesh_scaffold.steps import Migrating, NamedInCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.generate.past import Options
    from mesh_scaffold.generate.taken import Taken
    from mesh_scaffold.generate.work import Past
    from mesh_scaffold.record import GeneratedFile
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Target
    from mesh_scaffold.tree import Tree


def renaming_spec(tree: Tree, target: Target, project: ProjectFile, name: str) -> PostTypeSpec | None:
    """The spec that renames a type which mesh generated, told by its old name or the new one; None when none does.

    Raises:
        SpecError: the spec of that name has problems.
        NotGeneratedError: it renames a type that mesh did not generate.
    """
    known = {record.name for record in all_records(tree, KIND)}
    path = spec_path(project, name)
    if name not in known and tree.exists(path):
        spec = load_spec(tree, project, path)
        if spec.renamed_from in known:
            return spec
        if spec.renamed_from in target.types(tree, KIND):
            raise NotGeneratedError(
                f"renames the type {spec.renamed_from!r}, which mesh did not generate",
                place=spec.place("renamed_from"),
                remedy=f"Run mesh adopt {spec.renamed_from}, delete the spec that it writes, and update again.",
            )
    if name in known and not tree.exists(path):
        specs = all_specs(tree, project)[0]
        return next((spec for spec in specs if spec.renamed_from == name and spec.name not in known), None)
    return None


def take_renamed(
    tree: Tree, target: Target, project: ProjectFile, past: Past, new: PostTypeSpec, options: Options
) -> tuple[Past, Taken]:
    """Bring `tree` from a type to the same type under its new name; returns what the record says then.

    What the spec changes besides is left to an update that goes on from there.

    Raises:
        BlockedError: with every step that could not do its part.
        ConflictError: files are in the way, or a conflict is to stop everything.
    """
    _refuse_taken(tree, target, project, past, new)
    between = under_new_name(past.spec, new)
    moved = _moved(tree, target, past, between)
    taken = take(tree, target, moved, between, options)
    for step in target.steps(KIND):
        if isinstance(step, NamedInCode):
            taken.warnings += step.follow(tree, past.spec, between)
    record = record_of(target, between, taken.files, taken.fragments, taken.leftovers)
    tree.delete(record_path(KIND, past.record.name))
    write_record(tree, record)
    return replace(past, record=record, spec=between), taken


def _refuse_taken(tree: Tree, target: Target, project: ProjectFile, past: Past, new: PostTypeSpec) -> None:
    """The old name must be free of a spec, and the new one of a type."""
    old = str(past.spec.name)
    if tree.exists(former := spec_path(project, old)):
        raise SpecExistsError(
            f"renames the type {old!r}, whose spec {former} is still there",
            place=new.place("renamed_from"),
            remedy=f"Delete {former}: the record knows what was generated from it.",
        )
    present = target.types(tree, KIND)
    if new.name in present and old in present:
        raise DuplicateTypeError(
            f"the code has a type {new.name!r} besides {old!r}, which is to be called so",
            place=target.place_of_type(tree, KIND, new.name),
            remedy="Choose another name, or take that type out first.",
        )
    others = {*present, *(str(spec.name) for spec in all_specs(tree, project)[0])}
    refuse_same_class(new, others - {old, str(new.name)})


def _moved(tree: Tree, target: Target, past: Past, new: PostTypeSpec) -> Past:
    """Move the type's files, so that its steps find them under the new name; migrations stay where they are."""
    trial, work = tree.fork(), Work()
    steps = {file.step for file in past.record.files}
    for step in target.steps(KIND):
        if step.name in steps and not isinstance(step, Migrating):
            work.take(step, trial, (None, new))
    work.require_done()
    paths = {step: path for path, step in work.files.items()} | {SPEC_STEP: new.path}
    names = _names(target, past.spec, new)
    refused: list[Problem] = []
    files = [_moved_file(tree, file, paths.get(file.step, file.path), names, refused) for file in past.record.files]
    refuse(refused)
    return replace(past, record=replace(past.record, files=tuple(files)))


def _names(target: Target, old: PostTypeSpec, new: PostTypeSpec) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for step in target.steps(KIND):
        found |= step.names(old, new) if isinstance(step, NamedInCode) else {}
    return found


def _moved_file(
    tree: Tree, file: GeneratedFile, path: str, names: Mapping[str, str], refused: list[Problem]
) -> GeneratedFile:
    """The file under its new path, as the record is to have it.

    What the user has and what was generated both get the new names; so what differs between them is the user's, as
    before. A file that somebody moved by hand is taken as it is.
    """
    if path == file.path or file.step == SPEC_STEP:
        return replace(file, path=path)
    if tree.exists(file.path) and tree.exists(path):
        message = f"exists, and {file.path} is to move there; nothing was written"
        refused.append(Problem(message, Place(path), "Rename, move or delete one of the two."))
        return file
    _move(tree, file.path, path)
    if (current := tree.read(path)) is not None:
        tree.write(path, _renamed(current, names))
    return replace(file, path=path, content=_renamed(file.content, names))


def _move(tree: Tree, path: str, to: str) -> None:
    """Move a file; where its folder is called otherwise now, what stands beside it goes along."""
    folder, _, name = path.rpartition("/")
    new_folder, _, new_name = to.rpartition("/")
    tree.move(path, to)
    for beside in tree.list(folder) if folder != new_folder and name == new_name else ():
        beside_to = f"{new_folder}/{beside.rpartition('/')[2]}"
        if not tree.exists(beside_to):
            tree.move(beside, beside_to)


def _renamed(content: bytes, names: Mapping[str, str]) -> bytes:
    words = {name.encode(): to.encode() for name, to in names.items()}
    pattern = rb"(?<!\w)(?:" + b"|".join(map(re.escape, words)) + rb")(?!\w)"
    return re.sub(pattern, lambda found: words[found[0]], content) if words else content
