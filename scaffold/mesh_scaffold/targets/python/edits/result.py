"""What an edit is, and what it gives back: the new source and exactly what was inserted, to be taken back one day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from mesh_scaffold.targets.python.edits.meaning import same_meaning
from mesh_scaffold.targets.python.edits.source import Refused, Splice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_scaffold.targets.python.edits.source import Source


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands in a source's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Addition:
    """The splices that add something at `at`, and the separators that they put before and after it."""

    splices: tuple[Splice, ...]
    before: str
    after: str
    at: int


@dataclass(frozen=True, slots=True)
class Insertion:
    """One insertion, or the finding that what it would insert is there already.

    Attributes:
        syntax_path: where it stands, in Python's own terms: `PostType.POLL`, `FEEDS["global"][PostType.POLL]`.
        text: the element, entry or statement itself.
        before: the separator inserted before it; one that starts with a comma put that comma after the neighbour.
        after: the separator inserted after it.
        made: False when it was found; what was found is never taken back.
        line: the line, from 1, on which it stands.
        comment: what a comment behind it, on its own line, is when it is taken out: an edit of it, which refuses;
            what goes with it; or what stays there as a line of its own.
    """

    syntax_path: str
    text: str
    before: str = ""
    after: str = ""
    made: bool = True
    line: int = 1
    comment: Literal["edit", "goes", "stays"] = "edit"


@dataclass(frozen=True, slots=True)
class Edited:
    """The source after an edit, and what the edit did."""

    source: Source
    insertion: Insertion


class Edit(Protocol):
    """One thing that a Python file is to hold. Edits are frozen values; none of them raises for a file's content."""

    @property
    def syntax_path(self) -> str:
        """Where it stands, in Python's own terms."""

    @property
    def owner(self) -> str:
        """What holds it, for people to read: `PostType`, `row in create_post`."""

    @property
    def wanted(self) -> str:
        """The code that is to stand there, for people to read."""

    def home(self, source: Source) -> int:
        """The line, from 1, of what holds it or is to hold it."""

    def locate(self, source: Source) -> Span | Refused | None:
        """Where it stands now; None when it is absent; refused when that cannot be told, or it is there otherwise."""

    def place(self, source: Source) -> Span | Refused | None:
        """Where what was inserted under this syntax path stands, whatever it has become; None when it is gone."""

    def written(self, source: Source) -> str:
        """What `ensure` would insert, in the file's own quotes and indentation."""

    def ensure(self, source: Source) -> Edited | Refused:
        """The source with it; unchanged when it is there already."""

    def subtract(self, source: Source, insertion: Insertion) -> Source | Refused:
        """The source without what `insertion` had put in; refused when somebody has edited it since."""


def found(source: Source, syntax_path: str, span: Span) -> Edited:
    """The result of an edit whose object was there already."""
    text = source.text[span.start : span.end]
    return Edited(source, Insertion(syntax_path, text, made=False, line=source.line_of(span.start)))


def added(source: Source, syntax_path: str, addition: Addition) -> Edited | Refused:
    """The result of an edit that adds something."""
    changed = source.edited(addition.splices)
    if isinstance(changed, Refused):
        return Refused(f"would not be Python with {syntax_path}", "Report this to mesh.", changed.line)
    grown = len(changed.text) - len(source.text)
    extra_comma = len(addition.splices) - 1
    length = grown - len(addition.before) - len(addition.after)
    text = changed.text[addition.at : addition.at + length]
    assert extra_comma in (0, 1)
    line = changed.line_of(addition.at)
    return Edited(changed, Insertion(syntax_path, text, addition.before, addition.after, line=line))


def replaced(source: Source, span: Span, code: str) -> Source | Refused:
    """The source with `code` instead of what stands at `span`."""
    return source.edited((Splice(span.start, span.end, code),))


def removed(source: Source, span: Span, insertion: Insertion, splices: Sequence[Splice]) -> Source | Refused:
    """The source without what stands at `span`, unless that says something else than what was inserted.

    What a comment behind it on its own line is, the insertion says; one between it and its neighbours stays.
    """
    commented = _has_comment(source, span)
    if (commented and insertion.comment == "edit") or not same_meaning(
        source.text[span.start : span.end], insertion.text
    ):
        line = source.line_of(span.start)
        return Refused(f"{insertion.syntax_path} was edited since", "Take it out by hand, or keep it.", line)
    if commented and insertion.comment == "stays":
        splices = (Splice(span.start, source.text.index("#", span.end)),)
    elif commented:
        splices = (_lines_of(source, span, insertion.before),)
    elif any("#" in text for splice in splices for text in _around(source, splice, span)):
        splices = (Splice(span.start, _past_comma(source, span.end)),)
    changed = source.edited(splices)
    if isinstance(changed, Refused):
        line = source.line_of(span.start)
        return Refused(f"would not be Python without {insertion.syntax_path}", "Take it out by hand.", line)
    return changed


def _has_comment(source: Source, span: Span) -> bool:
    """Whether a comment stands behind it, and nothing else on its lines."""
    head = source.text[source.line_starts[source.line_of(span.start) - 1] : span.start]
    rest = source.text[span.end : source.line_end(span.end)].lstrip().removeprefix(",")
    return not head.strip() and rest.lstrip().startswith("#")


def _lines_of(source: Source, span: Span, before: str) -> Splice:
    """What stands alone on its lines, with the comment behind it and the line break that came with it."""
    end, gap = source.line_end(span.end), before.removeprefix(",")
    if source.newline in gap and source.text.endswith(gap, 0, span.start):
        return Splice(span.start - len(gap), end)
    start = source.line_starts[source.line_of(span.start) - 1]
    return Splice(start, min(len(source.text), end + len(source.newline)))


def _around(source: Source, splice: Splice, span: Span) -> tuple[str, str]:
    """What a splice takes away in front of the span, and behind it."""
    return source.text[splice.start : min(splice.end, span.start)], source.text[
        max(splice.start, span.end) : splice.end
    ]


def _past_comma(source: Source, end: int) -> int:
    rest = source.text[end:]
    gap = len(rest) - len(rest.lstrip())
    return end + gap + 1 if rest.lstrip().startswith(",") else end
