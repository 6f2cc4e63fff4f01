"""The verdict of every step on every type: what `mesh check` shows as a table, and the findings in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.generate.marked import RESOLVE
from mesh_scaffold.steps import Holds, Missing, NotApplicable, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.steps import Verdict

MARKED = "the file has conflict markers"
NAMED = 3
"""How many types a finding names; of more it says how many there are."""


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
        wrong: dict[tuple[Verdict, str], list[tuple[str, str]]] = {}
        for name in self.types:
            for step in self.steps:
                verdict = self.verdicts[name, step.name]
                if isinstance(verdict, Missing):
                    wrong[verdict, f"{name}, {step.name}"] = [(name, step.title)]
                elif isinstance(verdict, Unknown) and verdict.reason != MARKED:
                    wrong.setdefault((verdict, ""), []).append((name, step.title))
        return (*(_finding(verdict, of) for (verdict, _), of in wrong.items()), *self.problems)

    def without(self, marked: Mapping[str, int]) -> Matrix:
        """The matrix that says nothing of what is missing in files with conflict markers, which are told as such."""
        verdicts = dict(self.verdicts)
        for key, verdict in self.verdicts.items():
            if isinstance(verdict, Missing | Unknown) and (
                line := marked.get((verdict.place and verdict.place.path) or "")
            ):
                assert verdict.place is not None
                verdicts[key] = Unknown(MARKED, Place(verdict.place.path, line), RESOLVE)
        problems = tuple(each for each in self.problems if not (each.place and each.place.path in marked))
        return replace(self, verdicts=verdicts, problems=problems)

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


def _finding(verdict: Verdict, of: Sequence[tuple[str, str]]) -> Problem:
    """What is wrong: missing, or for all the types and steps that cannot be told for the same reason."""
    names, titles = dict.fromkeys(name for name, _ in of), dict.fromkeys(title for _, title in of)
    who = ", ".join(names) if len(names) <= NAMED else f"{len(names)} types"
    if isinstance(verdict, Unknown):
        message = f"{who}: cannot tell: {', '.join(titles)}: {verdict.reason}"
        return Problem(message, verdict.place, verdict.remedy)
    assert isinstance(verdict, Missing)
    return Problem(f"{who}: missing: {', '.join(titles)}", verdict.place, verdict.remedy)


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    match verdict:
        case Holds(place):
            return {"verdict": "holds", "place": _place_to_json(place)}
        case Missing(place, remedy):
            return {"verdict": "missing", "place": place.to_json(), "remedy": remedy}
        case NotApplicable(reason):
            return {"verdict": "not applicable", "reason": reason}
    known = {"reason": verdict.reason, "place": _place_to_json(verdict.place), "remedy": verdict.remedy}
    return {"verdict": "unknown", **known}


def _place_to_json(place: Place | None) -> dict[str, Any] | None:
    return place.to_json() if place else None
