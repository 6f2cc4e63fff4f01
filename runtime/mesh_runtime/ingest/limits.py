"""The limits on what an upload may unpack to, and the guard that holds a stream to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mesh_descriptors.errors import Place
from mesh_runtime.ingest.errors import LimitExceededError

if TYPE_CHECKING:
    from mesh_runtime.settings import Settings

_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_QUOTE = ord('"')
_STEP = np.zeros(256, np.int8)
_STEP[[ord("["), ord("{")]] = 1
_STEP[[ord("]"), ord("}")]] = -1
_STEP.flags.writeable = False
_BETWEEN = np.zeros(256, np.bool_)  # what stands between values; a number may be as endless as a string
_BETWEEN[list(b'{}[]:,"\t\n\r ')] = True
_BETWEEN.flags.writeable = False
_BOM = b"\xef\xbb\xbf"


class Readable(Protocol):
    """What is read here: anything with `read(size)`."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an upload may unpack to; each value has its setting."""

    expanded_bytes: int
    expansion_ratio: int
    zip_entries: int
    zip_depth: int
    item_bytes: int
    nesting: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that the settings say."""
        return cls(
            expanded_bytes=settings.limit_expanded_bytes,
            expansion_ratio=settings.limit_expansion_ratio,
            zip_entries=settings.limit_zip_entries,
            zip_depth=settings.limit_zip_depth,
            item_bytes=settings.limit_item_bytes,
            nesting=settings.limit_nesting,
        )


def exceeded(what: str, found: object, limit: object, setting: str, name: str) -> LimitExceededError:
    """The error for a limit that `name` breaks."""
    return LimitExceededError(
        f"{what}: {found}, the limit is {limit}",
        place=Place(name),
        remedy=f"If the file is genuine, raise the limit with the environment variable {setting}.",
    )


class GuardedJson:
    """A JSON stream that stops before its parser would see what breaks a limit.

    The parser itself would follow any nesting and hold any item in memory, so depth and item size are taken from the
    bytes: brackets outside strings, a chunk at a time.

    Args:
        file: the stream.
        name: what messages call it.
        limits: what it may hold.
        record_depth: how many brackets enclose a record; what is deeper belongs to one item.
    """

    def __init__(self, file: Readable, name: str, limits: Limits, record_depth: int | None = None) -> None:
        self._file, self._name, self._limits = file, name, limits
        self._record_depth = record_depth
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._since_boundary = 0
        self.bytes_read = 0

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`, without a byte order mark at the start.

        Raises:
            LimitExceededError: they break a limit.
        """
        chunk = self._file.read(size)
        if self.bytes_read == 0 and chunk.startswith(_BOM):
            self.bytes_read = len(_BOM)
            chunk = chunk[len(_BOM) :] or self._file.read(size)
        self.bytes_read += len(chunk)
        if self.bytes_read > self._limits.expanded_bytes:
            limit = f"{self._limits.expanded_bytes} bytes"
            raise exceeded("the file is too large", f"over {limit}", limit, "MESH_LIMIT_EXPANDED", self._name)
        if chunk:
            self._check(chunk)
        return chunk

    def _check(self, chunk: bytes) -> None:
        plain = self._without_escapes(chunk)
        outside, depth = self._structure(plain)
        if int(depth.max()) > self._limits.nesting:
            found = f"over {self._limits.nesting} levels"
            raise exceeded(
                "values are nested too deeply", found, self._limits.nesting, "MESH_LIMIT_NESTING", self._name
            )
        self._depth = int(depth[-1])
        if self._record_depth is not None:
            self._measure(outside & _BETWEEN[np.frombuffer(plain, np.uint8)] & (depth <= self._record_depth))

    def _without_escapes(self, chunk: bytes) -> bytes:
        """The chunk with every escape sequence blotted out, so that each quote left opens or closes a string."""
        if self._escaped:
            chunk, self._escaped = b"_" + chunk[1:], False
        if b"\\" in chunk:
            chunk = _ESCAPE.sub(b"__", chunk)
            self._escaped = chunk.endswith(b"\\")
        return chunk

    def _structure(self, chunk: bytes) -> tuple[np.ndarray, np.ndarray]:
        """For each byte, whether it is outside strings, and how many brackets enclose it."""
        values = np.frombuffer(chunk, np.uint8)
        in_string = np.logical_xor.accumulate(values == _QUOTE)
        if self._in_string:
            np.logical_not(in_string, out=in_string)
        self._in_string = bool(in_string[-1])
        outside = ~in_string
        depth = np.cumsum(_STEP[values] * outside, dtype=np.int32)
        depth += self._depth
        return outside, depth

    def _measure(self, boundary: np.ndarray) -> None:
        """Add up how long the present item is; a boundary is a byte that belongs to no item."""
        first = int(boundary.argmax()) if boundary.any() else len(boundary)
        longest = self._since_boundary + first
        if longest <= self._limits.item_bytes < len(boundary):  # an item may be too large within this one chunk
            longest = int(np.diff(np.flatnonzero(boundary)).max(initial=0)) - 1
        if longest > self._limits.item_bytes:
            limit = f"{self._limits.item_bytes} bytes"
            raise exceeded("one item is too large", f"over {limit}", limit, "MESH_LIMIT_ITEM", self._name)
        if first == len(boundary):
            self._since_boundary += first
        else:
            self._since_boundary = int(boundary[::-1].argmax())
