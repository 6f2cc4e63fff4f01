"""The project's own formatters: `[format]` in `mesh.toml` names a command per suffix that reads a text and writes it.

Generated text is formatted before it enters a plan and a record, and two texts that a formatter makes equal count as
one: a formatter that runs over the project is no edit.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place
from mesh_descriptors.project import PROJECT_FILE
from mesh_scaffold.programs import run
from mesh_scaffold.python_text import same_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.tree import Tree

SECONDS = 20.0
"""How long a formatter may take for one file."""


class FormatterError(MeshError):
    """A formatter cannot be run, or does not format; nothing was written."""


class RefusedTextError(FormatterError):
    """A formatter ran and did not take the text: it is broken, or not of the language that the formatter reads."""


@dataclass(frozen=True, slots=True)
class Formatters:
    """The commands of `[format]`.

    Attributes:
        commands: by the suffix of the files they are for; of several, the longest suffix counts.
        root: the project's folder, where they run and find their own settings.
        seconds: how long each may take.
    """

    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    root: Path | None = None
    seconds: float = SECONDS

    @classmethod
    def of(cls, project: ProjectFile, root: Path) -> Formatters:
        """Those that `mesh.toml` names."""
        return cls(project.format, root)

    def formatted(self, path: str, content: bytes) -> bytes:
        """The file's content as its formatter lays it out; unchanged where there is no formatter for it.

        Raises:
            FormatterError: with the command and what it said.
        """
        suffix = max((suffix for suffix in self.commands if path.endswith(suffix)), key=len, default=None)
        if suffix is None or not content:
            return content
        command = [part.replace("{path}", path) for part in self.commands[suffix]]
        place = Place(PROJECT_FILE, field=f'format."{suffix}"')
        shown = shlex.join(command)
        try:
            done = run(command, text=content, folder=self.root, seconds=self.seconds)
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise FormatterError(
                f"the formatter cannot be run on {path}: {shown}: {reason}",
                place=place,
                remedy="Install it, correct the command, or remove the line.",
            ) from error
        if done.code:
            said = done.errors.strip() or "it says not why"
            raise RefusedTextError(
                f"the formatter failed on {path}: {shown} ended with {done.code}: {said}",
                place=place,
                remedy="Correct the command, or the file where it is broken.",
            )
        if not done.output:
            raise FormatterError(
                f"the formatter wrote nothing for {path}: {shown}",
                place=place,
                remedy="Let it read standard input and write standard output: for ruff, end the command with '-'.",
            )
        return done.output

    def format_generated(self, tree: Tree, whole: Iterable[str]) -> None:
        """Format what was generated in `tree`, before it is planned and recorded.

        Files in `whole` are formatted as they are. Any other file that was edited is formatted when it was laid out
        by its formatter before, so that only what was put in changes; one that was not stays the user's own.

        Raises:
            FormatterError: with the command and what it said.
        """
        generated = set(whole)
        for change in tree.changes():
            if change.after is None:
                continue
            if change.path in generated or (
                change.before is not None and self._is_laid_out(change.path, change.before.content)
            ):
                tree.write(change.path, self.formatted(change.path, change.after.content))

    def same(self, path: str, one: bytes, other: bytes) -> bool:
        """Whether two contents of a file differ at most in what a formatter decides.

        Where the file has a formatter, that is asked. Python is compared by what it says besides, as teams run
        formatters that `mesh.toml` does not know.

        Raises:
            FormatterError: the formatter cannot be run.
        """
        if one == other or (path.endswith(".py") and same_code(one, other)):
            return True
        try:
            return self.formatted(path, one) == self.formatted(path, other)
        except RefusedTextError:
            return False

    def _is_laid_out(self, path: str, content: bytes) -> bool:
        try:
            return self.formatted(path, content) == content
        except RefusedTextError:
            return False


NO_FORMATTERS = Formatters()


def same_after_format(path: str, one: bytes, other: bytes, formatters: Formatters = NO_FORMATTERS) -> bool:
    """Whether two contents of a file differ at most in what a formatter decides; see `Formatters.same`."""
    return formatters.same(path, one, other)
