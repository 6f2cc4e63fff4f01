"""What happens to a file that the user made, edited or deleted, and that is to be otherwise: never a silent loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_scaffold.markers import marked_line
from mesh_scaffold.merge import both_sides, line_in, merge_lines, merge_without_base

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mesh_scaffold.merge import Merge
    from mesh_scaffold.targets.merging import Merging
    from mesh_scaffold.tree import Tree

Choice: TypeAlias = Literal["abort", "keep", "overwrite", "merge", "markers"]
"""Write nothing at all; leave the file; take the generated one; merge, or write nothing if that cannot be done; merge,
and mark what cannot be merged."""


class ConflictError(MeshError):
    """Files are there with other content than they would get; nothing was written."""

    exit_code = 1


class PendingMarkersError(MeshError):
    """Conflicts of an earlier merge wait to be resolved; nothing was written."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Clash:
    """A file with two claims on it.

    Attributes:
        path: which file.
        current: what the user has; with a base, together with all that is generated and does not conflict with it.
        generated: what would be written; with a base, together with all of the user's that does not conflict.
        merge: both, merged; None where one of them is no text.
        created: whether the file is the user's own, and stands where another is to be created.
        on_disk: the file as it is, where `current` is something else.
    """

    path: str
    current: bytes
    generated: bytes
    merge: Merge | None
    created: bool = False
    on_disk: bytes | None = None

    @classmethod
    def of(
        cls, path: str, current: bytes, generated: bytes, base: bytes | None = None, merging: Merging | None = None
    ) -> Clash:
        """Both sides, merged; from `base` where both were made from it, as `merging` does where there is one."""
        texts = [_text(content) for content in (current, generated, base or b"")]
        if any(text is None for text in texts):
            return cls(path, current, generated, None, created=base is None)
        ours, theirs, common = (text or "" for text in texts)
        if base is None:
            return cls(path, current, generated, merge_without_base(ours, theirs), created=True)
        merge = merging.merged(path, common, ours, theirs) if merging else merge_lines(common, ours, theirs)
        return cls(path, merge.mine.encode(), merge.generated.encode(), merge)

    @property
    def line(self) -> int | None:
        """The line of the user's file on which the first conflict begins; None where none can be told."""
        lines = self.merge.conflict_lines if self.merge else ()
        if not lines or self.on_disk is None:
            return lines[0].mine if lines else None
        return line_in(_text(self.on_disk) or "", _text(self.current) or "", lines[0].mine)

    @classmethod
    def of_sides(cls, path: str, current: bytes, generated: bytes, on_disk: bytes | None = None) -> Clash:
        """Both sides, every difference of which is a conflict."""
        ours, theirs = _text(current), _text(generated)
        merge = None if ours is None or theirs is None else both_sides(ours, theirs)
        return cls(path, current, generated, merge, on_disk=on_disk)


Resolve: TypeAlias = Callable[[Clash], Choice]
"""Says what is to happen to a file: always the same, or what the user chooses."""


def aborting(clash: Clash) -> Choice:
    """Nothing at all is written while a file is in the way."""
    del clash
    return "abort"


def marking(clash: Clash) -> Choice:
    """Every conflict gets markers."""
    del clash
    return "markers"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What becomes of a file.

    Attributes:
        content: what it holds then.
        marked: where markers wait to be resolved.
        refused: why nothing at all may be written.
        kept: whether the user's side was kept.
    """

    content: bytes
    marked: Problem | None = None
    refused: Problem | None = None
    kept: bool = False


def resolution(clash: Clash, choice: Choice) -> Resolution:
    """What `choice` makes of a file."""
    merge = clash.merge
    if choice == "keep":
        return Resolution(clash.current, kept=True)
    if choice == "overwrite":
        return Resolution(clash.generated)
    if merge is None or choice == "abort" or (choice == "merge" and merge.conflicts):
        return Resolution(clash.current, refused=_refused(clash))
    if not merge.conflicts:
        return Resolution(merge.mine.encode())
    count = f"{merge.conflicts} conflict{'s' if merge.conflicts > 1 else ''}"
    remedy = "Keep what is right of each, and delete the lines that begin with <<<<<<<, ======= and >>>>>>>."
    place = Place(clash.path, marked_line(merge.marked))
    return Resolution(merge.marked.encode(), marked=Problem(f"{count} marked", place, remedy))


def _refused(clash: Clash) -> Problem:
    if clash.created:
        remedy = "Rename, move or delete the file, or choose: --on-conflict keep, overwrite, merge or markers."
        return Problem("exists with other content; nothing was written", Place(clash.path), remedy)
    remedy = "Choose --on-conflict keep, overwrite or markers; with --dry-run it shows what that makes of the file."
    return Problem("was edited where it is to change; nothing was written", Place(clash.path, clash.line), remedy)


def refuse(problems: Sequence[Problem]) -> None:
    """Stop when there are any.

    Raises:
        ConflictError: with all of them.
    """
    if problems:
        raise ConflictError(problems=problems)


def refuse_pending(tree: Tree, paths: Iterable[str]) -> None:
    """Stop while one of the files has conflicts that nobody resolved.

    Raises:
        PendingMarkersError: with every such file and the line of its first conflict.
    """
    texts = ((path, _text(tree.read(path) or b"")) for path in set(paths))
    refuse_marked({path: line for path, text in texts if text and (line := marked_line(text))})


def refuse_marked(lines: Mapping[str, int]) -> None:
    """Stop while conflicts wait on these lines of files.

    Raises:
        PendingMarkersError: with every file and the line of its first conflict.
    """
    if lines:
        remedy = "Keep what is right between the markers, delete them, and run the command again."
        places = [Place(path, line) for path, line in sorted(lines.items())]
        raise PendingMarkersError(problems=[Problem("has conflicts to resolve", place, remedy) for place in places])


def _text(content: bytes) -> str | None:
    try:
        return None if b"\0" in content else content.decode("utf-8")
    except UnicodeDecodeError:
        return None
