"""`mesh check`: for every type, hand-written ones included, which steps hold in the code and which don't."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import MeshError, Problem
from mesh_scaffold.generate.specs import all_specs
from mesh_scaffold.spec.findings import did_you_mean
from mesh_scaffold.steps import Holds, Missing, NotApplicable, Subject, Unknown

if TYPE_CHECKING:
    from mesh_descriptors.errors import Place
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.steps import Step, Target, Verdict
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
    """

    types: tuple[str, ...]
    steps: tuple[StepTitle, ...]
    verdicts: dict[tuple[str, str], Verdict]
    problems: tuple[Problem, ...] = ()

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


def check(tree: Tree, target: Target, project: ProjectFile, only: str | None = None) -> Matrix:
    """Judge every type of the project, or `only` that one.

    Raises:
        UnknownTypeError: there is no type called `only`.
        MeshError: the code's list of types cannot be found.
    """
    specs, problems = all_specs(tree, project)
    by_name = {str(spec.name): spec for spec in specs}
    names = tuple(dict.fromkeys((*target.types(tree, KIND), *by_name)))
    if only is not None and only not in names:
        raise UnknownTypeError(f"there is no type {only!r}", problems=problems, remedy=did_you_mean(only, names))
    subjects = [Subject(KIND, name, by_name.get(name)) for name in names if only in {None, name}]
    steps = target.steps(KIND)
    return Matrix(
        types=tuple(subject.name for subject in subjects),
        steps=tuple(StepTitle(step.name, step.title) for step in steps),
        verdicts={(subject.name, step.name): _judged(step, tree, subject) for subject in subjects for step in steps},
        problems=problems,
    )


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
