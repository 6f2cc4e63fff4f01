"""`mesh record rebuild`: a record that a merge damaged is made again, from its spec, the code and what it says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_scaffold.generate.conflicts import refuse_pending
from mesh_scaffold.generate.past import KIND
from mesh_scaffold.generate.specs import load_spec, spec_path
from mesh_scaffold.generate.work import Work, keys_of, record_of
from mesh_scaffold.markers import sides_of, without_markers
from mesh_scaffold.plan import Plan
from mesh_scaffold.record import GeneratedFile, Record, RecordError, all_records, record_path, write_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.formatting import Formatters
    from mesh_scaffold.steps import Fragment, Target
    from mesh_scaffold.tree import Tree


def plan_rebuild(tree: Tree, target: Target, project: ProjectFile, name: str, formatters: Formatters) -> Plan:
    """The plan that writes the record of a type anew; nothing else changes.

    What both sides of a merge say of a piece is believed: made or found. A piece that neither knows was found, and is
    never taken out. Where no side can be read, every piece counts as made, unless another type has it too.

    Args:
        tree: the project.
        target: the steps that say what belongs to the type.
        project: the project's `mesh.toml`.
        name: the type; it has a spec.
        formatters: what lays out the generated text.

    Raises:
        NoSpecError: the type has no spec.
        SpecError: with all that is wrong with it.
        PendingMarkersError: generated or shared files have conflicts to resolve first.
        BlockedError: with every step that cannot tell.
    """
    path = record_path(KIND, name)
    spec = load_spec(tree, project, spec_path(project, name))
    sides = _readable_sides(tree.read_text(path) or "", path)
    refuse_pending(
        tree, [*(f.path for side in sides for f in side.files), *(f.file for s in sides for f in s.fragments)]
    )
    scratch, work = tree.fork(), Work()
    for step in target.steps(KIND):
        work.take(step, scratch, (None, spec))
    work.require_done()
    formatters.format_generated(scratch, work.files)
    others = keys_of(_others(tree, path))
    fragments = [_judged(fragment, sides, others) for fragment in work.fragments]
    files = {file.path: file for side in reversed(sides) for file in side.files if tree.exists(file.path)}
    new_migrations = f"{project.paths.migrations}/"
    for generated, step_name in work.files.items():
        if tree.exists(generated) or not generated.startswith(new_migrations):
            if generated in files and files[generated].origin == "found":
                continue
            files[generated] = GeneratedFile(generated, step_name, scratch.read(generated) or b"")
    leftovers = dict.fromkeys(leftover for side in sides for leftover in side.leftovers)
    write_record(tree, record_of(target, spec, files.values(), fragments, leftovers))
    return Plan.of(tree, f"record rebuild {name}")


def _readable_sides(text: str, path: str) -> tuple[Record, ...]:
    found = []
    for side in dict.fromkeys((*sides_of(text), without_markers(text))):  # of half a conflict no side is whole
        with suppress(RecordError):
            found.append(Record.from_json(side, path))
    return tuple(found)


def _others(tree: Tree, path: str) -> Iterable[Record]:
    """The records of the other types."""
    rest = tree.fork()
    rest.delete(path)
    return all_records(rest, KIND)


def _judged(fragment: Fragment, sides: Sequence[Record], others: frozenset[tuple[str, str]]) -> Fragment:
    """The piece with its origin: as a side says it was; made when the step makes it now, as the code lacks it."""
    key = (fragment.step, fragment.file, fragment.syntax_path)
    known = [each for side in sides for each in side.fragments if (each.step, each.file, each.syntax_path) == key]
    if known:
        return next((each for each in known if each.origin == "made"), known[0])
    if fragment.origin == "made" or sides or (fragment.file, fragment.syntax_path) in others:
        return fragment
    return replace(fragment, origin="made")
