"""Recognising a document by its content: which of a connector's forms it has, or which other service's it seems."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING

from ijson.common import JSONError

from mesh_runtime.ingest.json_stream import CHUNK, Outline, StrangeNamesError, broken, outline_parser
from mesh_runtime.ingest.limits import GuardedJson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mesh_descriptors.connector import FileForm
    from mesh_runtime.ingest.archive import Document
    from mesh_runtime.ingest.limits import Limits, Readable

LOOKED_AT = 1024 * 1024
"""How much of a document is looked at before it counts as unknown."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the first part of a document shows.

    Attributes:
        start: its first bytes, as text.
        prefixes: which of the ijson prefixes that tell documents apart occur; none for what is no JSON object or list.
        empty: whether the whole document is an object or list with nothing in it.
    """

    start: str
    prefixes: frozenset[str] = frozenset()
    empty: bool = False

    @property
    def is_json(self) -> bool:
        """Whether it begins like a JSON object or list."""
        return self.start.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")

    def has_shape(self, shape: Iterable[str]) -> bool:
        """Whether every path of `shape` occurs, and no `!path` does."""
        return all((path[1:] not in self.prefixes) if path[0] == "!" else path in self.prefixes for path in shape)


def look(document: Document, limits: Limits, forms: Sequence[FileForm] = ()) -> Look:
    """Look at the first part of a document, no further than it takes to recognise one of `forms`.

    Raises:
        UnreadableExportError: it begins like JSON and is broken within that part.
        LimitExceededError: it breaks a limit within that part.
    """
    shapes = [shape for form in forms for shape in form.shapes]
    with document.open() as file:
        guarded = GuardedJson(file, document.name, limits)
        first = guarded.read(CHUNK)
        seen = Look(first[:2000].decode("utf-8", "replace"))
        if not seen.is_json:
            return seen
        try:
            return _outlined(guarded, first, seen.start, shapes)
        except JSONError:
            pass
    raise broken(document.name, document.open)


def _outlined(file: Readable, chunk: bytes, start: str, shapes: Sequence[Sequence[str]]) -> Look:
    certain = [shape for shape in shapes if not any(path[0] == "!" for path in shape)]
    outline, size = Outline(_telling(shapes)), 0
    push = outline_parser(outline)
    while chunk and size < LOOKED_AT:
        try:
            push.send(chunk)
        except StrangeNamesError:
            break
        size += len(chunk)
        seen = Look(start, frozenset(outline.prefixes))
        if any(seen.has_shape(shape) for shape in certain):
            return seen
        chunk = file.read(CHUNK)
    if not chunk:
        push.close()  # raises when the document ends in the middle
    return Look(start, frozenset(outline.prefixes), empty=outline.empty and not chunk)


def _telling(shapes: Iterable[Iterable[str]]) -> frozenset[str]:
    """The prefixes by which documents are told apart."""
    paths = chain.from_iterable((*shapes, *(known.paths for known in LOOKALIKES)))
    return frozenset(path.removeprefix("!") for path in paths)


def forms_of(seen: Look, base_name: str, forms: Sequence[FileForm]) -> tuple[FileForm, ...]:
    """The forms that a document has: by content; by name, where a form has no shapes or the document nothing in it."""
    by_content = tuple(form for form in forms if any(seen.has_shape(shape) for shape in form.shapes))
    if by_content or not seen.is_json:
        return by_content
    return tuple(form for form in forms if (seen.empty or not form.shapes) and fnmatchcase(base_name, form.match))


@dataclass(frozen=True, slots=True)
class Lookalike:
    """How to tell another service's export, so that the message can name it."""

    what: str
    paths: tuple[str, ...] = ()
    header: tuple[str, ...] = ()


LOOKALIKES = (
    Lookalike("an Apple Music API page", paths=("data.item.attributes.artistName",)),
    Lookalike("Apple Music's library export", paths=("item.Apple Music Track Identifier",)),
    Lookalike("Apple Music's library export", paths=("item.Track Identifier", "item.Title")),
    Lookalike("Apple Music's likes and dislikes", header=("Item Description", "Preference")),
    Lookalike("Apple Music's play activity", header=("Event Start Timestamp",)),
    Lookalike("Apple Music's play activity", header=("Apple ID Number", "Song Name")),
    Lookalike("Last.fm's loved tracks", paths=("lovedtracks.track",)),
    Lookalike("Last.fm's loved tracks", paths=("lovedtracks.track.item",)),
    Lookalike("Last.fm's scrobbles", paths=("recenttracks.track",)),
    Lookalike("YouTube Music's library (CSV)", header=("Video ID",)),
    Lookalike("YouTube's watch history", paths=("item.titleUrl", "item.products")),
    Lookalike("Letterboxd's films (CSV)", header=("Letterboxd URI",)),
    Lookalike("Goodreads' books (CSV)", header=("Book Id", "ISBN13")),
    Lookalike("Deezer's favourites", paths=("data.item.title_short",)),
    Lookalike("Spotify's account data, but none of its music", paths=("username", "email", "country")),
)
"""Exports that people confuse; a YouTube CSV's header is in the user's language, so some stay unrecognised."""


def resembles(seen: Look) -> str | None:
    """What the document looks like, when it is another service's export."""
    header = seen.start.split("\n", 1)[0]
    for known in LOOKALIKES:
        if known.paths and all(path in seen.prefixes for path in known.paths):
            return known.what
        if known.header and not seen.is_json and all(name in header for name in known.header):
            return known.what
    return None
