"""An upload seen as its JSON documents: the file itself, or those of a zip archive, zips in zips included."""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
import zlib
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO

from mesh_descriptors.errors import Place
from mesh_runtime.ingest.errors import UnreadableExportError
from mesh_runtime.ingest.limits import exceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from mesh_runtime.ingest.limits import Limits, Readable

ZIP_START = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError)
"""What zipfile raises for damaged or unsupported archives. An OSError is the disk's fault, not theirs."""

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY_BYTES = 46 + 3 * 256
"""What an entry of the archive's directory takes at most, as far as archives of data exports go."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file of an upload.

    Attributes:
        name: what messages call it; files of an archive follow the archive's name and a `!`.
        open: opens it for reading from its start; any number of times while the upload is open.
    """

    name: str
    open: Callable[[], AbstractContextManager[Readable]]

    @property
    def base_name(self) -> str:
        """The file name without folders."""
        return self.name.replace("!", "/").rsplit("/", 1)[-1]


def documents(file: BinaryIO, name: str, limits: Limits) -> Iterator[Document]:
    """The documents of an upload: `file` itself, or the .json files of the archive that it is.

    Raises:
        UnreadableExportError: the archive is damaged or encrypted.
        LimitExceededError: it would unpack to more than it may.
    """
    file.seek(0)
    if not file.read(4).startswith(ZIP_START):
        yield Document(name, lambda: _rewound(file))
        return
    yield from _Archive(limits, _Spent()).documents(file, name, depth=1)


def _rewound(file: BinaryIO) -> AbstractContextManager[Readable]:
    file.seek(0)
    return nullcontext(file)


def damaged(name: str, error: Exception) -> UnreadableExportError:
    """The error for an archive that zipfile cannot read."""
    if "password" in str(error) or "encrypted" in str(error):
        return UnreadableExportError(
            "the zip archive is encrypted",
            place=Place(name),
            remedy="Unpack it with its password and give the files, or pack them again without one.",
        )
    return UnreadableExportError(
        f"the zip archive is damaged: {error}", place=Place(name), remedy="Download it once more."
    )


@dataclass(slots=True)
class _Spent:
    """What the archives of one upload have unpacked to so far."""

    entries: int = 0
    expanded: int = 0


@dataclass(frozen=True, slots=True)
class _Archive:
    limits: Limits
    spent: _Spent

    def documents(self, file: IO[bytes], name: str, depth: int) -> Iterator[Document]:
        if depth > self.limits.zip_depth:
            limit = self.limits.zip_depth
            raise exceeded(
                "zip archives are packed in each other", f"{depth} deep", limit, "MESH_LIMIT_ZIP_DEPTH", name
            )
        try:
            packed = file.seek(0, io.SEEK_END)
            self._check_directory(file, packed, name)
            with zipfile.ZipFile(file) as archive:
                self._check_sizes(archive, packed, name)
                for entry in archive.infolist():
                    yield from self._entry(archive, entry, f"{name}!{_printable(entry.filename)}", depth)
        except DAMAGED as error:
            raise damaged(name, error) from error

    def _entry(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, depth: int) -> Iterator[Document]:
        lower = entry.filename.lower()
        if lower.endswith("/") or "__macosx/" in lower:  # is_dir() of Python 3.11 stumbles over an empty name
            return
        if lower.endswith(".json"):
            yield Document(name, lambda: _opened(archive, entry, name))
        elif lower.endswith(".zip"):
            # An archive is read from its end: one inside another is unpacked, to disk unless it is small.
            with tempfile.SpooledTemporaryFile(max_size=4 * 1024 * 1024) as inner, archive.open(entry) as packed:
                while chunk := packed.read(1024 * 1024):
                    inner.write(chunk)
                yield from self.documents(inner, name, depth + 1)

    def _check_directory(self, file: IO[bytes], size: int, name: str) -> None:
        """Refuse an endless directory before zipfile reads all of it into memory."""
        found = _directory_size(file, size)
        if found > self.limits.zip_entries * _ENTRY_BYTES:
            what = "the zip archive holds too many files"
            raise exceeded(
                what, f"a directory of {found} bytes", self.limits.zip_entries, "MESH_LIMIT_ZIP_ENTRIES", name
            )

    def _check_sizes(self, archive: zipfile.ZipFile, packed: int, name: str) -> None:
        """Hold the declared sizes to the limits; zipfile never unpacks more of an entry than it declares."""
        entries = archive.infolist()
        if any(entry.header_offset < 0 for entry in entries):
            raise zipfile.BadZipFile("a file begins before the archive does")  # seeking there would be an OSError
        expanded = sum(entry.file_size for entry in entries)
        self.spent.entries += len(entries)
        self.spent.expanded += expanded
        found = self.spent
        if found.entries > self.limits.zip_entries:
            most = self.limits.zip_entries
            raise exceeded("the zip archive holds too many files", found.entries, most, "MESH_LIMIT_ZIP_ENTRIES", name)
        if found.expanded > self.limits.expanded_bytes:
            size, limit = f"{found.expanded} bytes", f"{self.limits.expanded_bytes} bytes"
            raise exceeded("the zip archive unpacks to too much", size, limit, "MESH_LIMIT_EXPANDED", name)
        if expanded > packed * self.limits.expansion_ratio:
            times, limit = f"{expanded // max(packed, 1)} times its size", f"{self.limits.expansion_ratio} times"
            raise exceeded("the zip archive unpacks to suspiciously much", times, limit, "MESH_LIMIT_RATIO", name)


@contextmanager
def _opened(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> Iterator[Readable]:
    try:
        with archive.open(entry) as file:
            yield file
    except DAMAGED as error:
        raise damaged(name, error) from error


def _directory_size(file: IO[bytes], size: int) -> int:
    """How many bytes the archive's directory takes by its own account; 0 when the account isn't found."""
    start = max(0, size - 65_536 - _END.size)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        return 0
    found: int = _END.unpack_from(tail, at)[5]
    at_64 = tail.rfind(b"PK\x06\x06", 0, at)
    if at_64 >= 0 and at - at_64 >= _END_64.size:
        found = max(found if found != 0xFFFFFFFF else 0, _END_64.unpack_from(tail, at_64)[8])
    return found


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)
