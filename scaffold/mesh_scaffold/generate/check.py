"""`mesh check`: for every type, hand-written ones included, which steps hold in the code and which don't."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.project import PROJECT_FILE
from mesh_scaffold.formatting import NO_FORMATTERS
from mesh_scaffold.generate.drift import drift
from mesh_scaffold.generate.enumerated import enumerated
from mesh_scaffold.generate.marked import Unmarked, finding
from mesh_scaffold.generate.matrix import Matrix, StepTitle
from mesh_scaffold.generate.specs import all_specs
from mesh_scaffold.record import record_path
from mesh_scaffold.spec.findings import did_you_mean
from mesh_scaffold.steps import Subject, Unknown
from mesh_scaffold.targets.postgres.asked import OnPostgres, lacking, lacking_at_all
from mesh_scaffold.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.formatting import Formatters
    from mesh_scaffold.steps import Step, Target, Verdict
    from mesh_scaffold.targets.postgres.asked import Present
    from mesh_scaffold.tree import Base

KIND = "post-type"


class UnknownTypeError(MeshError):
    """Neither the code nor a spec has such a type."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that `mesh check` found.

    Attributes:
        matrix: the verdict of every step on every type.
        marked: the files in which conflicts of a merge wait; nothing else is said of them.
        elsewhere: what is wrong in other places: enumerations, generated files, the database.
        notices: what is worth knowing and not wrong.
    """

    matrix: Matrix
    marked: tuple[Problem, ...] = ()
    elsewhere: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    @property
    def findings(self) -> tuple[Problem, ...]:
        """Everything that is wrong."""
        return (*self.marked, *self.matrix.findings, *self.elsewhere)

    def to_json(self) -> dict[str, Any]:
        """The matrix as a JSON object, with all `findings` and the `notices`."""
        return self.matrix.to_json() | {
            "findings": [problem.to_json() for problem in self.findings],
            "notices": [problem.to_json() for problem in self.notices],
        }


def examine(
    base: Base,
    target: Target,
    project: ProjectFile,
    *,
    files: Iterable[tuple[str, bytes]] = (),
    only: str | None = None,
    formatters: Formatters = NO_FORMATTERS,
    present: Present | None = None,
) -> Report:
    """Judge every type of the project, or `only` that one: steps, enumerations, generated files, the database.

    Args:
        base: the project's files. Those in which conflicts of a merge wait are findings, and judged as if both sides
            of each were kept.
        target: whose steps judge.
        project: its `mesh.toml`.
        files: path and content of everything that may enumerate types.
        only: the snake-case name of the one type to judge.
        formatters: what the project formats with.
        present: what the database has; None when it is not asked.

    Raises:
        UnknownTypeError: there is no type called `only`.
        MeshError: the code's list of types cannot be found.
    """
    looked = Unmarked(base)
    tree, marked = Tree(looked), looked.lines
    matrix = check(tree, target, project)
    _require_known(only, matrix.types, matrix.problems)
    known = {*target.types(tree, KIND), *(name for name in matrix.types if tree.exists(record_path(KIND, name)))}
    former = target.values_of_migrations(tree) - {*matrix.types} if isinstance(target, OnPostgres) else frozenset()
    found = enumerated(files, matrix, known, project, looked.seen, former)
    drifted = drift(tree, target, matrix, KIND, formatters, marked)
    differences = [each for each in drifted if only in {None, each.type}]
    told = {each.problem.place.path for each in drifted if each.problem.place}
    matrix = matrix.without(marked).of(only) if only else _without_renamed(matrix.without(marked), tree)
    return Report(
        matrix,
        tuple(finding(path, line) for path, line in sorted(marked.items()) if path not in told),
        (
            *(gap.problem for gap in found.gaps if only in {None, gap.type} and gap.enumeration.path not in marked),
            *(each.problem for each in found.stale if only is None and each.enumeration.path not in marked),
            *(each.problem for each in differences if each.is_finding),
            *(() if present is None else _in_database(tree, target, project, matrix, present)),
        ),
        (*(each.problem for each in differences if not each.is_finding), *found.notices),
    )


def _without_renamed(matrix: Matrix, tree: Tree) -> Matrix:
    """The matrix without types that the code has under another name still: all that is wrong is that name."""
    own = {str(spec.name) for spec in matrix.specs}
    recorded = {name for name in (*matrix.types, *own) if tree.exists(record_path(KIND, name))}
    waiting = {spec.name for spec in matrix.specs if spec.renamed_from in recorded - own and spec.name not in recorded}
    return replace(matrix, types=tuple(name for name in matrix.types if name not in waiting))


def _in_database(
    tree: Tree, target: Target, project: ProjectFile, matrix: Matrix, present: Present
) -> Iterator[Problem]:
    """What the database lacks of what its types ask for."""
    yield from lacking_at_all(present, project.posts, Place(PROJECT_FILE, field="posts"))
    if not isinstance(target, OnPostgres):
        return
    by_name = {str(spec.name): spec for spec in matrix.specs}
    for name in matrix.types:
        asked = target.asked_of_database(tree, Subject(KIND, name, by_name.get(name)))
        yield from lacking(name, asked, present, project.posts)


def check(tree: Tree, target: Target, project: ProjectFile, only: str | None = None) -> Matrix:
    """Judge every type of the project, or `only` that one, by the steps.

    Raises:
        UnknownTypeError: there is no type called `only`.
        MeshError: the code's list of types cannot be found.
    """
    specs, problems = all_specs(tree, project)
    by_name = {str(spec.name): spec for spec in specs}
    names = tuple(dict.fromkeys((*target.types(tree, KIND), *by_name)))
    _require_known(only, names, problems)
    subjects = [Subject(KIND, name, by_name.get(name)) for name in names if only in {None, name}]
    steps = target.steps(KIND)
    return Matrix(
        types=tuple(subject.name for subject in subjects),
        steps=tuple(StepTitle(step.name, step.title) for step in steps),
        verdicts={(subject.name, step.name): _judged(step, tree, subject) for subject in subjects for step in steps},
        problems=problems,
        specs=specs,
    )


def _require_known(only: str | None, names: Sequence[str], problems: Sequence[Problem]) -> None:
    if only is not None and only not in names:
        raise UnknownTypeError(f"there is no type {only!r}", problems=problems, remedy=did_you_mean(only, names))


def _judged(step: Step, tree: Tree, subject: Subject) -> Verdict:
    try:
        return step.check(tree, subject)
    except MeshError as error:
        problem = error.problems[0]
        return Unknown(problem.message, problem.place, problem.remedy)
