"""Collects what is wrong with a spec, so that all of it is reported at once."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh_descriptors.errors import Place


class SpecError(MeshError):
    """A spec cannot be read, or says something that it must not; all problems, by line."""


class Findings:
    """The problems found so far."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(self, message: str, place: Place, remedy: str | None = None) -> None:
        """Remember a problem and go on."""
        self._problems.append(Problem(message, place, remedy))

    def __bool__(self) -> bool:
        return bool(self._problems)

    def raise_any(self) -> None:
        """Report what was found.

        Raises:
            SpecError: something was.
        """
        if self._problems:
            raise SpecError(problems=sorted(self._problems, key=_position))


def _position(problem: Problem) -> tuple[int, int]:
    place = problem.place
    return (place.line or 0, place.column or 0) if place else (0, 0)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest of `known`, and all of them."""
    names = list(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.65)
    start = f"Did you mean {near[0]!r}? " if near else ""
    return f"{start}Known: {', '.join(names)}."
