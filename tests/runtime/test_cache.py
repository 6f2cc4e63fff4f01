"""What every store of answers must do. A new one joins by adding itself to the parameters of `cache`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mesh_runtime.cache import CacheKey, PostgresCache

if TYPE_CHECKING:
    from conftest import Pipeline


@pytest.fixture(params=[PostgresCache])
def cache(request: pytest.FixtureRequest, pipeline: Pipeline) -> PostgresCache:
    store: PostgresCache = request.param(pipeline.connection)
    return store


KEY = CacheKey("candidates", "1", 1, 7, {"near": "Vienna"})
MINUTE = timedelta(minutes=1)


def test_a_cache_returns_what_was_put_last(cache: PostgresCache) -> None:
    assert cache.get(KEY) is None
    cache.put(KEY, b"one", MINUTE)
    cache.put(KEY, b"\0two", MINUTE)
    assert cache.get(KEY) == b"\0two"


@pytest.mark.parametrize(
    "other",
    [
        CacheKey("nodes", "1", 1, 7, {"near": "Vienna"}),
        CacheKey("candidates", "2", 1, 7, {"near": "Vienna"}),
        CacheKey("candidates", "1", 2, 7, {"near": "Vienna"}),
        CacheKey("candidates", "1", 1, 8, {"near": "Vienna"}),
        CacheKey("candidates", "1", 1, 7, {"near": "Graz"}),
        CacheKey("candidates", "1", 1, 7),
    ],
)
def test_an_answer_to_another_question_has_another_key(cache: PostgresCache, other: CacheKey) -> None:
    cache.put(KEY, b"one", MINUTE)
    assert cache.get(other) is None


def test_an_answer_is_gone_when_its_time_is_over(cache: PostgresCache) -> None:
    cache.put(KEY, b"one", timedelta(seconds=-1))
    assert cache.get(KEY) is None
    cache.purge()
    cache.put(KEY, b"two", MINUTE)
    assert cache.get(KEY) == b"two"


def test_invalidating_a_viewer_leaves_the_others(cache: PostgresCache) -> None:
    other = CacheKey("candidates", "2", 1, 1)
    cache.put(KEY, b"one", MINUTE)
    cache.put(other, b"two", MINUTE)
    cache.invalidate("1")
    assert cache.get(KEY) is None
    assert cache.get(other) == b"two"
