"""Candidates: the nearest users by cosine, through the index and the cache, and never the viewer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mesh_runtime.cache import PostgresCache
from mesh_runtime.discovery.candidates import MOST, STORED, NoTasteError, candidates

if TYPE_CHECKING:
    from conftest import Exports, Pipeline


def fill(pipeline: Pipeline, count: int, *, first: int = 1) -> np.ndarray[Any, Any]:
    """Users with random taste vectors; returns the vectors."""
    vectors = np.random.default_rng(first).normal(size=(count, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    users = [str(first + number) for number in range(count)]
    texts = [json.dumps([float(x) for x in vector]) for vector in vectors]
    pipeline.connection.execute(
        "INSERT INTO mesh.user_tastes (user_id, vector_version, state) SELECT unnest(%s::text[]), 1, 'ready'", [users]
    )
    pipeline.connection.execute(
        "INSERT INTO mesh.user_taste_vectors SELECT u, 1, t::vector FROM unnest(%s::text[], %s::text[]) AS x (u, t)",
        [users, texts],
    )
    pipeline.connection.commit()
    return vectors


def test_the_index_gives_as_many_as_are_wanted_and_the_right_ones(pipeline: Pipeline) -> None:
    vectors = fill(pipeline, 1_500)
    pipeline.connection.execute("ANALYZE mesh.user_taste_vectors")
    pipeline.connection.execute("SET enable_seqscan = off")
    pipeline.connection.commit()
    found = candidates(pipeline.connection, "1", 200)
    exact = np.argsort(-(vectors @ vectors[0]))[1:201] + 1
    assert len(found) == 200
    assert len({int(each.user_id) for each in found} & set(exact.tolist())) >= 196
    assert "1" not in {each.user_id for each in found}
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert found[0].score == pytest.approx(float(vectors[0] @ vectors[int(found[0].user_id) - 1]), abs=1e-5)
    assert len(candidates(pipeline.connection, "1", MOST)) == MOST


def test_the_search_uses_the_partial_index_of_the_active_model(pipeline: Pipeline) -> None:
    fill(pipeline, 500)
    pipeline.connection.execute("SET enable_seqscan = off")
    pipeline.connection.execute("LOAD 'auto_explain'")
    notices: list[str] = []
    pipeline.connection.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
    for setting in ("auto_explain.log_min_duration = 0", "auto_explain.log_level = notice"):
        pipeline.connection.execute(f"SET {setting}")
    candidates(pipeline.connection, "1", 10)
    assert any("Index Scan using user_taste_vectors_1" in notice for notice in notices)


def test_an_answer_is_kept_and_forgotten_with_the_viewers_vector(pipeline: Pipeline, exports: type[Exports]) -> None:
    fill(pipeline, STORED + 50)
    cache = PostgresCache(pipeline.connection)
    first = candidates(pipeline.connection, "7", 10, cache=cache)
    assert pipeline.value("SELECT count(*) FROM mesh.cache WHERE viewer = '7'") == 1
    pipeline.connection.execute("DELETE FROM mesh.user_taste_vectors WHERE user_id = %s", [first[0].user_id])
    pipeline.connection.commit()
    assert candidates(pipeline.connection, "7", 10, cache=cache) == first
    assert candidates(pipeline.connection, "7", 9) == first[1:]
    pipeline.ingest(pipeline.write("a.json", exports.page(exports.liked("One", "A"))), 7)
    assert pipeline.value("SELECT count(*) FROM mesh.cache WHERE viewer = '7'") == 0
    assert candidates(pipeline.connection, "7", 10, cache=cache) != first


def test_a_small_population_is_not_cached_so_that_newcomers_show_at_once(pipeline: Pipeline) -> None:
    fill(pipeline, 3)
    cache = PostgresCache(pipeline.connection)
    assert len(candidates(pipeline.connection, "1", 10, cache=cache)) == 2
    fill(pipeline, 2, first=10)
    assert len(candidates(pipeline.connection, "1", 10, cache=cache)) == 4


def test_a_user_without_a_vector_is_told_why(pipeline: Pipeline, exports: type[Exports]) -> None:
    with pytest.raises(NoTasteError, match="nothing of theirs was ingested"):
        candidates(pipeline.connection, "1", 5)
    pipeline.ingest(pipeline.write("empty.json", exports.page()), 1)
    with pytest.raises(NoTasteError, match="there are no favourites to pool"):
        candidates(pipeline.connection, "1", 5)


@pytest.mark.parametrize("count", [0, -1, MOST + 1])
def test_a_count_out_of_range_is_a_programming_error(pipeline: Pipeline, count: int) -> None:
    with pytest.raises(ValueError, match="count must be"):
        candidates(pipeline.connection, "1", count)
