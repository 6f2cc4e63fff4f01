"""Pooling: the vectors of what a user likes become one. Pure numpy, a block at a time, never a NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIKED = 1.0
DISLIKED = -0.5
SONG_MS = 180_000
FULL_LISTENS = 20
"""As many listens to a song weigh as much as a like, and more of them no more than that."""

_VANISHED = 1e-6
"""A sum shorter than this part of the weights has cancelled out: its direction is rounding noise."""


def weights(liked: NDArray[np.bool_], disliked: NDArray[np.bool_], ms_played: NDArray[np.int64]) -> NDArray[np.float64]:
    """The weight of each medium, from -0.5 to 1; all arguments of shape (n,).

    Plays are damped by the logarithm: the hundredth listen says less than the second. What a user dislikes counts
    against it, even where they played it.
    """
    listens = np.maximum(ms_played, 0) / SONG_MS
    played = np.minimum(np.log1p(listens) / np.log1p(FULL_LISTENS), 1.0)
    return np.where(disliked, DISLIKED, np.where(liked, LIKED, played))


class Pool:
    """A weighted sum of vectors, in float64.

    Attributes:
        media: how many media with a weight went in.
        positive: how many of them the user likes or plays.
    """

    def __init__(self, dimension: int) -> None:
        self._sum = np.zeros(dimension)
        self._total = 0.0
        self.media = 0
        self.positive = 0

    def add(self, weight: NDArray[np.float64], vectors: NDArray[np.float32]) -> None:
        """Add vectors of shape (n, dimension) with weights of shape (n,); vectors that aren't finite are left out."""
        usable = np.isfinite(vectors).all(axis=1) & (weight != 0)
        weight, vectors = weight[usable], vectors[usable]
        self._sum += weight @ vectors.astype(np.float64)
        self._total += float(np.abs(weight).sum())
        self.media += len(weight)
        self.positive += int((weight > 0).sum())

    def result(self) -> NDArray[np.float32] | str:
        """The pooled vector, of unit length and shape (dimension,), or why there is none."""
        if not self.media:
            return "there are no favourites to pool"
        if not self.positive:
            return "there are only dislikes, and they say what to avoid, not what to look for"
        length = float(np.linalg.norm(self._sum))
        if length < _VANISHED * self._total:
            return "likes and dislikes cancel each other out"
        unit: NDArray[np.float32] = (self._sum / length).astype(np.float32)
        return unit
