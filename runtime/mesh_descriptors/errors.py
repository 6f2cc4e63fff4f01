"""The one error base: every message says what is wrong, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the user's input something stands; line and column count from 1."""

    path: str | None = None
    line: int | None = None
    column: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        position = ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)
        return ", ".join(part for part in (position, self.field and f"field {self.field}") if part)

    def to_json(self) -> dict[str, Any]:
        """The place's known parts, for machines."""
        parts = {"path": self.path, "line": self.line, "column": self.column, "field": self.field}
        return {name: part for name, part in parts.items() if part is not None}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: what, where, and what to do."""

    message: str
    place: Place | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        head = f"{self.place}: {self.message}" if self.place and str(self.place) else self.message
        return f"{head}\n  {self.remedy}" if self.remedy else head

    def to_json(self) -> dict[str, Any]:
        """The problem as a JSON object with `message`, `place` and `remedy`."""
        return {
            "message": self.message,
            "place": self.place.to_json() if self.place else None,
            "remedy": self.remedy,
        }


class MeshError(Exception):
    """Base of every error that mesh raises for its user to read.

    Attributes:
        problems: what is wrong, at least one; a reader of a document reports all of its problems at once.
        exit_code: what the command ends with: 1 for a conflict or a finding, 2 for bad input or an environment in
            which the command could not run.
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        message: str | None = None,
        *,
        place: Place | None = None,
        remedy: str | None = None,
        problems: Sequence[Problem] = (),
    ) -> None:
        own = (Problem(message, place, remedy),) if message is not None else ()
        self.problems: tuple[Problem, ...] = (*own, *problems)
        if not self.problems:
            raise ValueError("a MeshError needs a message or problems")
        super().__init__("\n".join(str(problem) for problem in self.problems))
