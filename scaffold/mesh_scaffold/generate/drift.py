"""`mesh check`: generated files compared with what the record says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_scaffold.formatting import NO_FORMATTERS
from mesh_scaffold.record import FOLDER, Record, read_record, record_path
from mesh_scaffold.spec.write import to_document
from mesh_scaffold.steps import Missing, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_scaffold.formatting import Formatters
    from mesh_scaffold.generate.check import Matrix
    from mesh_scaffold.tree import Tree


@dataclass(frozen=True, slots=True)
class Difference:
    """The project is not what the record says.

    Attributes:
        type: the snake-case name of the type.
        problem: what differs, where, and what to do.
        is_finding: whether something is wrong; what was edited is not, and is only told.
    """

    type: str
    problem: Problem
    is_finding: bool


def drift(tree: Tree, matrix: Matrix, kind: str, formatters: Formatters = NO_FORMATTERS) -> tuple[Difference, ...]:
    """What differs from the records of that kind of spec.

    Args:
        tree: the project.
        matrix: the verdicts on its types; a file whose step is a finding already is not told again.
        kind: "post-type".
        formatters: what the project formats with; a file that only they changed is not edited.
    """
    found: list[Difference] = []
    for path in tree.list(FOLDER, ".json"):
        name = path.rpartition("/")[2].removesuffix(".json")
        if name.startswith(f"{kind}."):
            found += _of_type(tree, matrix, kind, name.removeprefix(f"{kind}."), formatters)
    return tuple(found)


def _of_type(tree: Tree, matrix: Matrix, kind: str, name: str, formatters: Formatters) -> list[Difference]:
    try:
        record = read_record(tree, kind, name)
    except MeshError as error:
        return [Difference(name, problem, is_finding=True) for problem in error.problems]
    assert record is not None, "its file is there"
    return [*_of_spec(record, matrix), *_of_files(tree, record, matrix, formatters)]


def _of_spec(record: Record, matrix: Matrix) -> Iterator[Difference]:
    """The spec that is gone, or says something else than what was generated."""
    spec = next((spec for spec in matrix.specs if spec.name == record.name), None)
    if spec is not None:
        if to_document(spec) != record.spec:
            problem = Problem("has changed since it was generated", Place(spec.path), f"Run mesh update {record.name}.")
            yield Difference(record.name, problem, is_finding=False)
    elif not any(problem.place and record.name in str(problem.place) for problem in matrix.problems):
        place = Place(record_path(record.kind, record.name))
        remedy = f"Restore the spec of {record.name} from git, or take the type out: mesh remove {record.name}"
        yield Difference(record.name, Problem("its spec is missing", place, remedy), is_finding=True)


def _of_files(tree: Tree, record: Record, matrix: Matrix, formatters: Formatters) -> Iterator[Difference]:
    specs = {spec.path for spec in matrix.specs}
    adopted = all(fragment.origin == "found" for fragment in record.fragments)
    for file in record.files:
        if file.path in specs:
            continue  # it is written to be edited
        place = Place(file.path)
        current = tree.read(file.path)
        if current is None:
            verdict = matrix.verdicts.get((record.name, file.step))
            if not isinstance(verdict, Missing | Unknown):
                remedy = f"Restore it from git, or write it again: mesh check {record.name} --fix"
                problem = Problem(f"{record.name}: missing: it was generated, by step {file.step}", place, remedy)
                yield Difference(record.name, problem, is_finding=True)
        elif not adopted and not formatters.same(file.path, current, file.content):
            problem = Problem(f"{record.name}: was edited since it was generated", place)
            yield Difference(record.name, problem, is_finding=False)
