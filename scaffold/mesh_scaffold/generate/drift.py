"""`mesh check`: generated files compared with what the record says of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_scaffold.formatting import NO_FORMATTERS, FormatterError
from mesh_scaffold.generate.marked import finding
from mesh_scaffold.generate.stayed import stayed
from mesh_scaffold.generate.work import SPEC_STEP, Work
from mesh_scaffold.record import FOLDER, Record, read_record, record_path
from mesh_scaffold.spec.write import to_document
from mesh_scaffold.steps import Migrating, Missing, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_scaffold.formatting import Formatters
    from mesh_scaffold.generate.matrix import Matrix
    from mesh_scaffold.record import GeneratedFile
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Target
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


def drift(
    tree: Tree,
    target: Target,
    matrix: Matrix,
    kind: str,
    formatters: Formatters = NO_FORMATTERS,
    marked: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Difference, ...]:
    """What differs from the records of that kind of spec.

    Args:
        tree: the project.
        target: whose templates are compared with those that the files were generated from.
        matrix: the verdicts on its types; a file whose step is a finding already is not told again.
        kind: "post-type".
        formatters: what the project formats with; a file that only they changed is not edited.
        marked: the files in which conflicts of a merge wait, with the line of the first.
    """
    found: list[Difference] = []
    for path in tree.list(FOLDER, ".json"):
        name = path.rpartition("/")[2].removesuffix(".json")
        if name.startswith(f"{kind}."):
            found += _of_type(_Compared(tree, target, matrix, formatters, marked), kind, name.removeprefix(f"{kind}."))
    return tuple(found)


def _of_type(compared: _Compared, kind: str, name: str) -> list[Difference]:
    try:
        record = read_record(compared.tree, kind, name)
    except MeshError as error:
        return [Difference(name, problem, is_finding=True) for problem in error.problems]
    assert record is not None, "its file is there"
    spec = next((spec for spec in compared.matrix.specs if spec.name == name), None)
    kept = [Difference(name, problem, is_finding=False) for problem in stayed(compared.tree, compared.target, record)]
    return [*compared.spec(record, spec), *compared.files(record, spec), *kept]


@dataclass(frozen=True, slots=True)
class _Compared:
    """A project that is compared with its records."""

    tree: Tree
    target: Target
    matrix: Matrix
    formatters: Formatters
    marked: Mapping[str, int]

    def spec(self, record: Record, spec: PostTypeSpec | None) -> Iterator[Difference]:
        """The spec that is gone, or says something else than what was generated; the templates that do."""
        name = record.name
        if spec is None:
            if renaming := next((each for each in self.matrix.specs if self.is_renaming(each, name)), None):
                message = f"{name} is called {renaming.name} here, and has its old name in the code"
                problem = Problem(message, renaming.place("renamed_from"), f"Run mesh update {renaming.name}.")
                yield Difference(name, problem, is_finding=True)
                return
            broken = {problem.place.path for problem in self.matrix.problems if problem.place}
            if not any(str(path).endswith(f"/{name}.yaml") for path in broken):
                remedy = f"Restore the spec of {name} from git, or take the type out: mesh remove {name}"
                problem = Problem("its spec is missing", Place(record_path(record.kind, name)), remedy)
                yield Difference(name, problem, is_finding=True)
        elif to_document(spec) != record.spec:
            problem = Problem("has changed since it was generated", Place(spec.path), f"Run mesh update {name}.")
            yield Difference(name, problem, is_finding=False)
        elif renewed := [file.path for file in record.files if self._is_outdated(file, spec)]:
            message = f"{name}: mesh generates it otherwise now: {', '.join(renewed)}"
            yield Difference(name, Problem(message, Place(spec.path), f"Run mesh update {name}."), is_finding=False)

    def is_renaming(self, spec: PostTypeSpec, name: str) -> bool:
        """Whether the spec is that of the type `name`, which it calls otherwise."""
        return spec.renamed_from == name and not self.tree.exists(record_path(spec.kind, str(spec.name)))

    def files(self, record: Record, spec: PostTypeSpec | None) -> Iterator[Difference]:
        """The generated files that are gone, or were edited; of an adopted type none was generated."""
        adopted = all(fragment.origin == "found" for fragment in record.fragments)
        for file in record.files:
            current = self.tree.read(file.path)
            if current is None:
                verdict = self.matrix.verdicts.get((record.name, file.step))
                if file.step != SPEC_STEP and not isinstance(verdict, Missing | Unknown):
                    remedy = "Restore it from git" + (f", or: mesh check {record.name} --fix" if spec else ".")
                    message = f"{record.name}: missing: it was generated, by the step {file.step}"
                    yield Difference(record.name, Problem(message, Place(file.path), remedy), is_finding=True)
            elif line := self.marked.get(file.path):
                yield Difference(record.name, finding(file.path, line, record.name), is_finding=True)
            elif (
                not adopted
                and file.origin == "made"
                and file.step != SPEC_STEP
                and not self._same(file.path, current, file.content)
            ):
                problem = Problem(f"{record.name}: was edited since it was generated", Place(file.path))
                yield Difference(record.name, problem, is_finding=False)

    def _is_outdated(self, file: GeneratedFile, spec: PostTypeSpec) -> bool:
        """Whether the step would write the file otherwise than it did."""
        step = next((step for step in self.target.steps(spec.kind) if step.name == file.step), None)
        if step is None or isinstance(step, Migrating) or file.origin == "found":
            return False  # a migration is what it was, and another one leads on from it; and nobody's hand is outdated
        trial, work = self.tree.fork(), Work()
        work.take(step, trial, (None, spec))
        now = trial.read(file.path) if file.path in work.files else None
        return now is not None and not self._same(file.path, now, file.content)

    def _same(self, path: str, one: bytes, other: bytes) -> bool:
        try:
            return self.formatters.same(path, one, other)
        except FormatterError:
            return False  # it is not installed here; a look must not end there
