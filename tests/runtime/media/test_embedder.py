"""Embeddings: of unit length, the same everywhere and for ever, and nearer for what listeners find near."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_runtime.errors import Permanent
from mesh_runtime.media.embedder import FeatureHashing, Medium, embedder_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

EMBEDDER = FeatureHashing()
PINNED_POSITIONS, PINNED_SUM = [62, 80, 202, 238], 1.431447


def embedded(title: str, creator: str, album: str = "LP") -> NDArray[np.float64]:
    return EMBEDDER.embed([Medium(title, creator, album, "")])[0].astype(np.float64)


@given(st.lists(st.builds(Medium, st.text(), st.text(), st.text(), st.text()), min_size=1, max_size=8))
def test_embeddings_are_of_unit_length_and_do_not_depend_on_the_batch(media: list[Medium]) -> None:
    together = EMBEDDER.embed(media)
    assert together.shape == (len(media), 256)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(len(media)), abs=1e-5)
    assert together == pytest.approx(np.vstack([EMBEDDER.embed([medium]) for medium in media]), abs=1e-6)


def test_embeddings_stay_what_they_are_under_one_version() -> None:
    vector = embedded("Hyperballad", "Björk", "Post")
    assert np.flatnonzero(np.abs(vector) > 0.2).tolist() == PINNED_POSITIONS
    assert float(vector.sum()) == pytest.approx(PINNED_SUM, abs=1e-6)


def test_songs_of_one_artist_are_nearer_than_songs_of_one_title() -> None:
    song = embedded("Blue", "Joni Mitchell", "Blue")
    assert song @ embedded("Carey", "Joni Mitchell", "Blue") > 0.8
    assert song @ embedded("Blue", "Eiffel 65", "Europop") < 0.3


@pytest.mark.parametrize("model", [("feature-hashing", "2", 256), ("other", "1", 256), ("feature-hashing", "1", 512)])
def test_a_model_that_nothing_here_makes_is_refused(model: tuple[str, str, int]) -> None:
    with pytest.raises(Permanent, match=r"mesh\.embedding_models"):
        embedder_of(*model)
