"""A user's favourites become one vector: right, once, and not at all where there is nothing to make it of."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mesh_runtime.ingest.status import sync_status
from mesh_runtime.media.embedder import FeatureHashing, Medium
from mesh_runtime.taste.pooling import DISLIKED, FULL_LISTENS, SONG_MS, Pool, weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from conftest import Exports, Pipeline

EMBEDDER = FeatureHashing()


def embedded(title: str, creator: str, album: str = "LP") -> NDArray[np.float64]:
    return EMBEDDER.embed([Medium(title, creator, album, "")])[0].astype(np.float64)


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector)


def test_the_vector_is_the_weighted_mean_of_the_favourites(pipeline: Pipeline, exports: type[Exports]) -> None:
    library = exports.library(
        tracks=[{"artist": "A", "album": "LP", "track": "One"}, {"artist": "B", "album": "LP", "track": "Two"}],
        bannedTracks=[{"artist": "C", "album": "LP", "track": "Three"}],
    )
    pipeline.ingest(pipeline.write("YourLibrary.json", library))
    expected = unit(embedded("One", "A") + embedded("Two", "B") - 0.5 * embedded("Three", "C"))
    assert pipeline.taste() == pytest.approx(expected, abs=1e-6)
    assert pipeline.status() == ("ready", None, 3)


def test_a_dislike_turns_the_vector_away(pipeline: Pipeline, exports: type[Exports]) -> None:
    tracks = [{"artist": "A", "album": "LP", "track": "One"}, {"artist": "C", "album": "LP", "track": "Four"}]
    pipeline.ingest(pipeline.write("1.json", exports.library(tracks=tracks)), 1)
    banned = exports.library(tracks=tracks, bannedTracks=[{"artist": "C", "album": "LP", "track": "Three"}])
    pipeline.ingest(pipeline.write("2.json", banned), 2)
    disliked = embedded("Three", "C")
    before, after = pipeline.taste("1"), pipeline.taste("2")
    assert before is not None
    assert after is not None
    assert after @ disliked < before @ disliked


def test_reading_the_same_file_again_changes_nothing_but_the_version(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    history = [exports.play(f"2020-01-01 10:{n:02}", f"Band {n % 5}", f"Song {n}", n * 9_000) for n in range(50)]
    path = pipeline.write("StreamingHistory0.json", history)
    first = pipeline.ingest(path)
    taste, rows = pipeline.taste(), pipeline.rows("SELECT * FROM mesh.favourites ORDER BY media_id")
    second = pipeline.ingest(path)
    assert not first.stored_before
    assert second.stored_before
    assert pipeline.taste() == pytest.approx(taste)
    assert pipeline.rows("SELECT * FROM mesh.favourites ORDER BY media_id") == rows
    assert pipeline.value("SELECT count(*) FROM mesh.raw_files") == 1
    assert pipeline.value("SELECT vector_version FROM mesh.user_tastes") == 2


def test_a_medium_counts_with_its_strongest_signal_not_with_the_sum(pipeline: Pipeline, exports: type[Exports]) -> None:
    pipeline.ingest(pipeline.write("liked.json", exports.page(exports.liked("One", "A"), exports.liked("Two", "B"))))
    before = pipeline.taste()
    played = [exports.play(f"2020-01-01 1{n}:00", "A", "One", 180_000) for n in range(9)]
    pipeline.ingest(pipeline.write("StreamingHistory0.json", played))
    assert pipeline.taste() == pytest.approx(before)


def test_a_cancelled_out_taste_writes_no_vector_and_takes_the_old_one_away(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    pipeline.ingest(pipeline.write("liked.json", exports.page(exports.liked("One", "A"))))
    assert pipeline.taste() is not None
    pipeline.connection.execute("UPDATE mesh.favourites SET signal = 'disliked'")
    pipeline.connection.commit()
    pipeline.ingest(pipeline.write("StreamingHistory0.json", []))
    assert pipeline.taste() is None
    assert pipeline.status()[0] == "empty"
    assert pipeline.value("SELECT vector_version FROM mesh.user_tastes") == 2


KILLED_WORKER = """
import os, signal, sys
from pathlib import Path
import mesh_runtime.taste.jobs as taste
from mesh_runtime.handlers import all_handlers
from mesh_runtime.queue import Worker
from mesh_runtime.settings import Settings

written = taste._write
def write_and_stop(*arguments):
    written(*arguments)
    Path(sys.argv[2]).touch()
    signal.pause()
taste._write = write_and_stop
settings = Settings.load(Path(sys.argv[1]))
Worker(settings, all_handlers(settings)).run()
"""


def test_a_worker_killed_in_the_middle_of_a_build_loses_nothing(pipeline: Pipeline, exports: type[Exports]) -> None:
    pipeline.submit(pipeline.write("liked.json", exports.page(exports.liked("One", "A"), exports.liked("Two", "B"))))
    project, mark = pipeline.settings.project, pipeline.folder / "written"
    environment = {**os.environ, "DATABASE_URL": str(pipeline.settings.database_url)}
    environment["MESH_STORAGE_URL"] = str(pipeline.settings.storage_url)
    with subprocess.Popen([sys.executable, "-c", KILLED_WORKER, project, mark], env=environment) as worker:
        while not mark.exists():
            assert worker.poll() is None
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
    assert pipeline.taste() is None
    assert pipeline.status()[0] == "waiting"
    # The dead worker's row expires by itself after fifteen seconds; the test doesn't wait for that.
    pipeline.connection.execute("UPDATE mesh.workers SET expires_at = clock_timestamp() - interval '1 minute'")
    pipeline.connection.commit()
    deadline = time.monotonic() + 30
    while pipeline.taste() is None and time.monotonic() < deadline:
        pipeline.work()
    assert pipeline.taste() == pytest.approx(unit(embedded("One", "A") + embedded("Two", "B")), abs=1e-6)
    assert pipeline.value("SELECT vector_version FROM mesh.user_tastes") == 1
    assert pipeline.rows("SELECT rescues FROM mesh.history WHERE job_type = 'build_taste_vector'") == [(1,)]


def test_a_failed_sync_changes_nothing_and_keeps_its_staging(pipeline: Pipeline, exports: type[Exports]) -> None:
    pipeline.ingest(pipeline.write("liked.json", exports.page(exports.liked("One", "A"))))
    taste, favourites = pipeline.taste(), pipeline.favourites()
    whole = exports.page(*(exports.liked(f"Other {n}", "Z") for n in range(6000)))
    broken = pipeline.submit(pipeline.write("other.json", whole))
    stored = next((pipeline.folder.parent / "storage").rglob(f"{broken.sync_id}/0"))
    stored.write_text(json.dumps(whole)[:-40])  # the storage lost its end
    pipeline.work()
    status = sync_status(pipeline.connection, broken.sync_id)
    assert status is not None
    assert status.state == "failed"
    assert "ends in the middle" in str(status.problem)
    assert pipeline.favourites() == favourites
    assert pipeline.taste() == pytest.approx(taste)
    assert pipeline.value("SELECT count(*) FROM mesh.staged_items WHERE sync_id = %s", broken.sync_id) == 5000
    assert pipeline.value("SELECT reason FROM mesh.dead_jobs") == "permanent"


def test_weights_say_what_the_signals_mean() -> None:
    liked = np.array([True, True, False, False, False, False, False])
    disliked = np.array([False, True, True, False, False, False, False])
    played = np.array([0, 0, SONG_MS, SONG_MS, FULL_LISTENS * SONG_MS, 10**12, 0])
    found = weights(liked, disliked, played)
    assert found[:3].tolist() == [1.0, DISLIKED, DISLIKED]
    assert 0.2 < found[3] < 0.3
    assert found[4:].tolist() == [1.0, 1.0, 0.0]


finite = st.floats(-1, 1, width=32)


@given(arrays(np.float32, st.tuples(st.integers(0, 20), st.just(8)), elements=finite), st.data())
def test_pooling_gives_a_unit_vector_or_a_reason_and_never_a_nan(
    vectors: NDArray[np.float32], data: st.DataObject
) -> None:
    weight = data.draw(arrays(np.float64, len(vectors), elements=st.sampled_from([-0.5, 0.0, 0.3, 1.0])))
    pool = Pool(8)
    pool.add(weight[:7], vectors[:7])
    pool.add(weight[7:], vectors[7:])
    result = pool.result()
    if isinstance(result, str):
        assert result
    else:
        assert np.linalg.norm(result) == pytest.approx(1.0, abs=1e-5)


def test_vectors_that_are_no_numbers_are_left_out() -> None:
    pool = Pool(2)
    pool.add(np.ones(3), np.array([[np.nan, 1], [np.inf, 0], [3, 4]], np.float32))
    result = pool.result()
    assert not isinstance(result, str)
    assert result.tolist() == pytest.approx([0.6, 0.8])
    assert pool.media == 1
