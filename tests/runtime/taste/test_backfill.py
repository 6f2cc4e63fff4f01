"""Once a day, vectors that are behind their users' favourites are built again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Exports, Pipeline


def enqueue(pipeline: Pipeline, job_type: str) -> None:
    with pipeline.connection.transaction():
        pipeline.connection.execute("SELECT mesh.enqueue(%s)", (job_type,))


def test_only_users_whose_favourites_have_changed_since_get_their_vector_built_again(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    for user in (1, 2):
        tracks = [{"artist": "A", "album": "LP", "track": f"Song {user}"}]
        pipeline.ingest(pipeline.write(f"{user}.json", exports.library(tracks=tracks)), user)
    with pipeline.connection.transaction():
        pipeline.connection.execute(
            "UPDATE mesh.user_tastes SET favourites_version = favourites_version + 1 WHERE user_id = '1'"
        )
    enqueue(pipeline, "backfill_taste_vectors")
    pipeline.work()
    versions = pipeline.rows(
        "SELECT built_version = favourites_version, vector_version FROM mesh.user_tastes ORDER BY user_id"
    )
    assert versions == [(True, 2), (True, 1)]
    assert pipeline.value("SELECT result FROM mesh.history WHERE job_type = 'backfill_taste_vectors'") == {"users": 1}


def test_a_vector_whose_build_waits_already_is_not_built_twice(pipeline: Pipeline, exports: type[Exports]) -> None:
    pipeline.ingest(pipeline.write("1.json", exports.library(tracks=[{"artist": "A", "album": "LP", "track": "One"}])))
    with pipeline.connection.transaction():
        pipeline.connection.execute("UPDATE mesh.user_tastes SET favourites_version = favourites_version + 1")
        pipeline.connection.execute(
            """SELECT mesh.enqueue('build_taste_vector', '{"user_id": "1"}', delay => '1 hour', user_id => '1')"""
        )
    enqueue(pipeline, "backfill_taste_vectors")
    pipeline.work()
    assert pipeline.value("SELECT count(*) FROM mesh.jobs WHERE job_type = 'build_taste_vector'") == 1
    assert pipeline.value("SELECT result FROM mesh.history WHERE job_type = 'backfill_taste_vectors'") == {"users": 0}
