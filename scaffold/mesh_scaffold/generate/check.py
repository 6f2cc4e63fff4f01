"""`mesh check`: for every type, hand-written ones included, which steps hold in the code and which don't."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.project import PROJECT_FILE
from mesh_scaffold.formatting import NO_FORMATTERS
from mesh_scaffold.generate.drift import drift
from mesh_scaffold.generate.enumerated import enumerated
from mesh_scaffold.generate.specs import all_specs
from mesh_scaffold.record import record_path
from mesh_scaffold.spec.findings import did_you_mean
from mesh_scaffold.steps import Holds, Missing, NotApplicable, Subject, Unknown
from mesh_scaffold.targets.postgres.asked import OnPostgres, lacking, lacking_at_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.formatting import Formatters
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Step, Target, Verdict
    from mesh_scaffold.targets.postgres.asked import Present
    from mesh_scaffold.tree import Tree

KIND = "post-type"


class UnknownTypeError(MeshError):
    """Neither the code nor a spec has such a type."""


@dataclass(frozen=True, slots=True)
class StepTitle:
    """A step's name and what it says of a type."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """The verdict of every step on every type.

    Attributes:
        types: snake-case names: those of the code in its order, then specs without code.
        steps: in the order in which they are taken.
        verdicts: by type and step name.
        problems: what is wrong with specs that cannot be read.
        specs: the specs that can be read.
    """

    types: tuple[str, ...]
    steps: tuple[StepTitle, ...]
    verdicts: dict[tuple[str, str], Verdict]
    problems: tuple[Problem, ...] = ()
    specs: tuple[PostTypeSpec, ...] = ()

    def of(self, name: str | None) -> Matrix:
        """The part of that type; all of it for None."""
        return self if name is None else replace(self, types=(name,))

    @property
    def findings(self) -> tuple[Problem, ...]:
        """What is missing or cannot be told, and the specs that cannot be read; empty when all is right."""
        found = []
        for name in self.types:
            for step in self.steps:
                match self.verdicts[name, step.name]:
                    case Missing(place, remedy):
                        found.append(Problem(f"{name}: missing: {step.title}", place, remedy))
                    case Unknown(reason, place):
                        found.append(Problem(f"{name}: cannot tell: {step.title}: {reason}", place))
        return (*found, *self.problems)

    def to_json(self) -> dict[str, Any]:
        """The matrix as a JSON object: `types` by name, each with its steps by name."""
        return {
            "steps": [{"name": step.name, "title": step.title} for step in self.steps],
            "types": {
                name: {step.name: _verdict_to_json(self.verdicts[name, step.name]) for step in self.steps}
                for name in self.types
            },
            "findings": [problem.to_json() for problem in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All that `mesh check` found.

    Attributes:
        matrix: the verdict of every step on every type.
        elsewhere: what is wrong in other places: enumerations, generated files, the database.
        notices: what is worth knowing and not wrong.
    """

    matrix: Matrix
    elsewhere: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    @property
    def findings(self) -> tuple[Problem, ...]:
        """Everything that is wrong."""
        return (*self.matrix.findings, *self.elsewhere)

    def to_json(self) -> dict[str, Any]:
        """The matrix as a JSON object, with all `findings` and the `notices`."""
        return self.matrix.to_json() | {
            "findings": [problem.to_json() for problem in self.findings],
            "notices": [problem.to_json() for problem in self.notices],
        }


def examine(
    tree: Tree,
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
        tree: the project.
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
    matrix = check(tree, target, project)
    _require_known(only, matrix.types, matrix.problems)
    known = {*target.types(tree, KIND), *(name for name in matrix.types if tree.exists(record_path(KIND, name)))}
    found = enumerated(files, matrix, known, project)
    differences = [each for each in drift(tree, target, matrix, KIND, formatters) if only in {None, each.type}]
    return Report(
        matrix.of(only),
        (
            *(gap.problem for gap in found.gaps if only in {None, gap.type}),
            *(each.problem for each in differences if each.is_finding),
            *(() if present is None else _in_database(tree, target, project, matrix.of(only), present)),
        ),
        (*(each.problem for each in differences if not each.is_finding), *found.notices),
    )


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
        return Unknown(problem.message, problem.place)


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    match verdict:
        case Holds(place):
            return {"verdict": "holds", "place": _place_to_json(place)}
        case Missing(place, remedy):
            return {"verdict": "missing", "place": place.to_json(), "remedy": remedy}
        case NotApplicable(reason):
            return {"verdict": "not applicable", "reason": reason}
    return {"verdict": "unknown", "reason": verdict.reason, "place": _place_to_json(verdict.place)}


def _place_to_json(place: Place | None) -> dict[str, Any] | None:
    return place.to_json() if place else None
