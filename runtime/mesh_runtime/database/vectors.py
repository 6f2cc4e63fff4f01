"""Vectors over COPY in PostgreSQL's binary format: whole arrays at a time, no text, no object per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_SIZES = {"bool": ("?", 1), "int8": (">i8", 8)}


def _layout(columns: Sequence[tuple[str, str]], dimension: int) -> np.dtype[Any]:
    """One row: how many fields, then each field after its length; the vector is the last field.

    A vector is sent as its dimension, two spare bytes and big-endian floats (pgvector's vector_send).
    """
    fields: list[tuple[Any, ...]] = [("fields", ">i2")]
    for name, kind in columns:
        code, _ = _SIZES[kind]
        fields += [(f"{name}_length", ">i4"), (name, code)]
    fields += [("length", ">i4"), ("dimension", ">i2"), ("spare", ">i2"), ("vector", ">f4", (dimension,))]
    return np.dtype(fields)


def encode(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> bytes:
    """Rows of an id and a vector, for `COPY ... FROM STDIN (FORMAT BINARY)` between HEADER and TRAILER.

    Args:
        ids: shape (n,).
        vectors: shape (n, dimension).
    """
    dimension = vectors.shape[1]
    rows = np.zeros(len(ids), _layout([("id", "int8")], dimension))
    rows["fields"], rows["id_length"], rows["id"] = 2, 8, ids
    rows["length"], rows["dimension"], rows["vector"] = 4 + 4 * dimension, dimension, vectors
    return rows.tobytes()


def decode(
    blocks: Iterable[bytes | bytearray | memoryview], columns: Sequence[tuple[str, str]], dimension: int
) -> Iterator[NDArray[Any]]:
    """The rows of a `COPY ... TO STDOUT (FORMAT BINARY)`, as structured arrays of some hundred kilobytes.

    Args:
        blocks: what the copy yields.
        columns: name and kind (`bool` or `int8`) of each field before the vector; none may be null.
        dimension: of every vector.
    """
    layout = _layout(columns, dimension)
    pending, wanted = bytearray(), max(1, 256 * 1024 // layout.itemsize) * layout.itemsize
    skip = len(HEADER)
    for block in blocks:
        pending += block
        if skip and len(pending) >= skip:
            del pending[:skip]
            skip = 0
        if not skip and len(pending) > wanted:
            yield np.frombuffer(bytes(pending[:wanted]), layout)
            del pending[:wanted]
    if whole := len(pending) // layout.itemsize:
        yield np.frombuffer(bytes(pending), layout, count=whole)
