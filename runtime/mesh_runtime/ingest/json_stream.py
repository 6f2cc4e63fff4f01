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


class Outline:
    """A sink of ijson events that keeps only which prefixes occurred."""

    def __init__(self) -> None:
        self.prefixes: set[str] = set()

    def send(self, event: tuple[str, str, Any]) -> None:
        """Take one event: prefix, kind, value."""
        self.prefixes.add(event[0])


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

    yajl doesn't say where it stopped, so the document is read again: by chunks, then the bad chunk byte by byte.
    """
    with open_again() as file:
        chunks, position, _ = _read_until_wrong(file, single_bytes_from=None)
    with open_again() as file:
        _, position, reason = _read_until_wrong(file, single_bytes_from=chunks)
    if reason is None:
        return UnreadableExportError(
            f"the JSON ends in the middle, after {position.offset} bytes",
            place=position.place(name),
            remedy="The file was cut off: download or export it once more.",
        )
    return UnreadableExportError(
        f"is not JSON from byte {position.offset} on: {reason}",
        place=position.place(name),
        remedy="Give the file as the service handed it out, unedited.",
    )


def _read_until_wrong(file: Readable, single_bytes_from: int | None) -> tuple[int, _Position, str | None]:
    """How many chunks are good, the position of what comes after, and what is wrong there; no reason at the end."""
    push = parser().basic_parse_coro(_Discard(), use_float=True)
    good, position = 0, _Position(0, 1, 0)
    while chunk := file.read(CHUNK):
        pieces = [chunk] if good != single_bytes_from else [bytes((byte,)) for byte in chunk]
        for piece in pieces:
            try:
                push.send(piece)
            except JSONError as error:
                return good, position, _reason(error)
            position = position.after(piece)
        good += 1
    return good, position, None


def _reason(error: JSONError) -> str:
    """The first line of what yajl says, as `invalid char in json text`."""
    return str(error).removeprefix("b'").split("\n")[0].split("\\n")[0].split("error: ")[-1].rstrip(".")


class _Discard:
    def send(self, event: Any) -> None:
        del event
