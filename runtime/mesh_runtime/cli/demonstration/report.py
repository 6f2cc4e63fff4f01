"""The running account of the demo: each step with its time and what came of it."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_cli.console import say

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 46


@dataclass(slots=True)
class Outcome:
    """What a step says of itself when it is done."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class StepTime:
    """A step that is done: how long it took, in seconds, and what came of it."""

    name: str
    seconds: float
    outcome: str


@dataclass(slots=True)
class Report:
    """Prints each step as it goes, or keeps still and only remembers."""

    silent: bool = False
    steps: list[StepTime] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[Outcome]:
        """Time the body; it may set the text of the outcome."""
        self._open(name)
        outcome, started = Outcome(), time.perf_counter()
        try:
            yield outcome
        except BaseException:
            self._close("failed", "red")
            raise
        seconds = time.perf_counter() - started
        self.steps.append(StepTime(name, seconds, outcome.text))
        self._close(f"{seconds:6.1f} s   {outcome.text}", None)

    def _open(self, name: str) -> None:
        if not self.silent:
            sys.stdout.write(f"{len(self.steps) + 1:>3}  {name:<{_WIDTH}}")
            sys.stdout.flush()

    def _close(self, text: str, colour: str | None) -> None:
        if not self.silent:
            say(text, colour=colour)

    def note(self, text: str = "", *, bold: bool = False) -> None:
        """Print a line that is no step."""
        if not self.silent:
            say(text, bold=bold)
