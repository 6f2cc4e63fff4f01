"""Embedders: media become unit vectors. The default needs no network and no model file, and never changes its mind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from mesh_runtime.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


class Medium(NamedTuple):
    """What an embedder is told of a medium; "" where nothing is known."""

    title: str
    creator: str
    album: str
    genre: str


class Embedder(Protocol):
    """Turns media into vectors. Equal media get equal vectors for as long as name and version stay the same."""

    @property
    def name(self) -> str:
        """As in `mesh.embedding_models`."""

    @property
    def version(self) -> str:
        """As in `mesh.embedding_models`; it changes whenever any vector would."""

    @property
    def dimension(self) -> int:
        """The length of the vectors."""

    def embed(self, media: Sequence[Medium]) -> NDArray[np.float32]:
        """Shape (len(media), dimension); each row of unit length."""


@dataclass(frozen=True, slots=True)
class FeatureHashing:
    """Hashes weighted features of a medium into signed slots (Weinberger et al. 2009, https://arxiv.org/abs/0902.2206).

    Who made it and its genre weigh most: people who like the same artists should be near each other before people whose
    songs share a word. A feature goes into several slots, so that two that collide in one still differ in the others.

    Attributes:
        dimension: the length of the vectors; a power of two, at most 2**15.
        slots: into how many slots a feature goes.
    """

    dimension: int = 256
    slots: int = 4

    name = "feature-hashing"
    version = "1"

    def embed(self, media: Sequence[Medium]) -> NDArray[np.float32]:
        """Shape (len(media), dimension); each row of unit length."""
        rows, which, weights, features = self._features(media)
        positions, signs = self._hashed(features)
        cells = np.asarray(rows)[:, None] * self.dimension + positions[which]
        values = np.asarray(weights)[:, None] * signs[which]
        flat = np.bincount(cells.ravel(), values.ravel(), minlength=len(media) * self.dimension)
        vectors = flat.astype(np.float64).reshape(len(media), self.dimension)
        return self._unit(vectors)

    def _features(self, media: Sequence[Medium]) -> tuple[list[int], list[int], list[float], list[str]]:
        """Row, number of the feature and weight for each feature of each medium; and the features by number."""
        rows: list[int] = []
        which: list[int] = []
        weights: list[float] = []
        numbers: dict[str, int] = {}  # each feature is hashed once: artists and words come again and again
        for row, medium in enumerate(media):
            for feature, weight in _weighted(medium):
                rows.append(row)
                which.append(numbers.setdefault(feature, len(numbers)))
                weights.append(weight)
        return rows, which, weights, list(numbers)

    def _hashed(self, features: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each feature, its slots and their signs, each of shape (len(features), slots)."""
        size = 2 * self.slots
        digests = b"".join(
            blake2b(feature.encode("utf-8", "replace"), digest_size=size).digest() for feature in features
        )
        codes = np.frombuffer(digests, "<u2").reshape(len(features), self.slots).astype(np.int64)
        return codes % self.dimension, np.where(codes & 0x8000, -1.0, 1.0)

    def _unit(self, vectors: NDArray[np.float64]) -> NDArray[np.float32]:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        # Features may cancel each other out; such a medium gets a fixed direction rather than a division by zero.
        vectors[lengths[:, 0] < 1e-9, 0] = 1.0
        unit: NDArray[np.float32] = (vectors / np.where(lengths < 1e-9, 1.0, lengths)).astype(np.float32)
        return unit


def _weighted(medium: Medium) -> Iterator[tuple[str, float]]:
    """The features of a medium with their weights; a medium of which nothing is known has one, too."""
    creator, album, genre = medium.creator.casefold(), medium.album.casefold(), medium.genre.casefold()
    if not any(medium):
        yield "nothing", 1.0
    if creator:
        yield f"creator={creator}", 2.0
        yield from ((f"creator:{word}", 0.5) for word in _words(creator))
    if genre:
        yield f"genre={genre}", 1.5
        yield from ((f"word:{word}", 0.6) for word in _words(genre))
    if album:
        yield f"album={creator}/{album}", 0.6
        yield from ((f"word:{word}", 0.25) for word in _words(album))
    yield from ((f"word:{word}", 0.35) for word in _words(medium.title.casefold()))


def _words(text: str) -> Sequence[str]:
    """The words of a text; one that has none, such as `!!!`, is a word itself."""
    return _WORD.findall(text)[:20] or ([text] if text else [])


EMBEDDERS: tuple[Embedder, ...] = (FeatureHashing(),)


def embedder_of(name: str, version: str, dimension: int) -> Embedder:
    """The embedder that makes the vectors of a model.

    Raises:
        Permanent: there is none here, or it makes vectors of another length than the database says.
    """
    for embedder in EMBEDDERS:
        if (embedder.name, embedder.version) != (name, version):
            continue
        if embedder.dimension != dimension:
            raise Permanent(
                f"the model {name} {version} makes vectors of {embedder.dimension}, the database says {dimension}",
                remedy="Correct mesh.embedding_models: a dimension never changes under a version.",
            )
        return embedder
    raise Permanent(
        f"no embedder makes the vectors of the active model {name} {version}",
        remedy="Deploy a version of mesh that has it, or make another model active in mesh.embedding_models.",
    )
