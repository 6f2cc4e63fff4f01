"""Streaming JSON: the records under a prefix, with the place of what is wrong; memory stays at one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ijson.common import JSONError

from mesh_descriptors.errors import Place
from mesh_runtime.ingest.errors import ParserMissingError, UnreadableExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import ModuleType

    from mesh_runtime.ingest.limits import Readable

CHUNK = 64 * 1024
_PIECE = 256
_PREFIX_LENGTH = 1_000
_BOM = b"\xef\xbb\xbf"


def parser() -> ModuleType:
    """The C backend of ijson.

    Raises:
        ParserMissingError: this installation of ijson lacks it; the others take ten times as long.
    """
    try:
        from ijson.backends import yajl2_c  # here, so that its absence is this error and not one of import
    except ImportError as error:
        raise ParserMissingError(
            "ijson's C backend yajl2_c is not there, and its other backends are too slow for exports",
            remedy="Install a binary wheel: pip install --force-reinstall --only-binary ijson ijson",
        ) from error
    backend: ModuleType = yajl2_c
    return backend


def records(file: Readable, prefix: str) -> Iterator[Any]:
    """Every value under the ijson `prefix`.

    Raises:
        JSONError: the stream is no JSON from here on; `broken` tells where.
    """
    yield from parser().items(file, prefix, buf_size=CHUNK, use_float=True)


class StrangeNamesError(Exception):
    """A document's names are longer than those of any export; what follows isn't worth looking at."""


class Outline:
    """A sink of ijson events that keeps only which of the wanted prefixes occurred: a document's own may be endless.

    Attributes:
        prefixes: those that occurred.
        empty: whether none occurred but the document's own.
    """

    def __init__(self, wanted: frozenset[str]) -> None:
        self.prefixes: set[str] = set()
        self.empty = True
        self._wanted = wanted

    def send(self, event: tuple[str, str, Any]) -> None:
        """Take one event: prefix, kind, value.

        Raises:
            StrangeNamesError: the prefix is too long; ijson makes it anew for each event.
        """
        prefix = event[0]
        if prefix in self._wanted:
            self.prefixes.add(prefix)
        if prefix:
            self.empty = False
            if len(prefix) > _PREFIX_LENGTH:
                raise StrangeNamesError


def outline_parser(outline: Outline) -> Any:
    """A parser to push bytes into (`send`, `close`) that fills `outline`."""
    return parser().parse_coro(outline, use_float=True)


class _Position(NamedTuple):
    offset: int
    line: int
    line_start: int

    def after(self, chunk: bytes) -> _Position:
        lines = chunk.count(b"\n")
        start = self.offset + chunk.rfind(b"\n") + 1 if lines else self.line_start
        return _Position(self.offset + len(chunk), self.line + lines, start)

    def place(self, name: str) -> Place:
        return Place(name, self.line, self.offset - self.line_start + 1)


def broken(name: str, open_again: Callable[[], AbstractContextManager[Readable]]) -> UnreadableExportError:
    """The error for a document whose parsing ended with a JSONError, with the line, column and byte that are wrong.

    yajl doesn't say where it stopped, so the document is read again: by chunks, then the bad chunk by pieces, then the
    bad piece by bytes. Not the whole chunk by bytes: within a string, yajl begins anew at its start with each of them.
    """
    good, reason = _Position(0, 1, 0), None
    for size in (CHUNK, _PIECE, 1):
        with open_again() as file:
            good, reason = _read_until_wrong(file, good.offset, size)
        if reason is None:
            break
    if reason is None:
        return UnreadableExportError(
            f"the JSON ends in the middle, after {good.offset} bytes",
            place=good.place(name),
            remedy="The file was cut off: download or export it once more.",
        )
    if "overflow" in reason:
        return UnreadableExportError(
            f"holds a number too large to read, before byte {good.offset}",
            place=good.place(name),
            remedy="Integers have at most 64 bits, as those that services hand out.",
        )
    return UnreadableExportError(
        f"is not JSON from byte {good.offset} on: {reason}",
        place=good.place(name),
        remedy="Give the file as the service handed it out, unedited.",
    )


def _read_until_wrong(file: Readable, good: int, size: int) -> tuple[_Position, str | None]:
    """The place of the first wrong piece, and why it is; no reason at the end. From `good` on, pieces are of `size`."""
    push = parser().basic_parse_coro(_Discard(), use_float=True)
    position = _Position(0, 1, 0)
    while chunk := file.read(CHUNK):
        if position.offset == 0 and chunk.startswith(_BOM):
            chunk, position = chunk[len(_BOM) :], _Position(len(_BOM), 1, len(_BOM))
        for piece in _pieces(chunk, good - position.offset, size):
            try:
                push.send(piece)
            except JSONError as error:
                return position, _reason(error)
            position = position.after(piece)
    return position, None


def _pieces(chunk: bytes, whole: int, size: int) -> Iterator[bytes]:
    """The first `whole` bytes of the chunk in one, the others by `size`."""
    whole = min(max(whole, 0), len(chunk))
    if whole:
        yield chunk[:whole]
    for start in range(whole, len(chunk), size):
        yield chunk[start : start + size]


def _reason(error: JSONError) -> str:
    """The first line of what yajl says, as `invalid char in json text`."""
    return str(error).removeprefix("b'").split("\n")[0].split("\\n")[0].split("error: ")[-1].rstrip(".")


class _Discard:
    def send(self, event: Any) -> None:
        del event
