"""What stops a sync on its way: outages and other workers lose nothing, and leave nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mesh_runtime.discovery.candidates import NoTasteError, candidates
from mesh_runtime.ingest.staging import BATCH
from mesh_runtime.ingest.status import sync_status

if TYPE_CHECKING:
    from conftest import Exports, Pipeline

ON_STAGING = """
CREATE FUNCTION on_staging() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NULL; END $$;
CREATE TRIGGER on_staging AFTER INSERT ON mesh.staged_items FOR EACH STATEMENT EXECUTE FUNCTION on_staging();
"""


def on_staging(pipeline: Pipeline, statement: str) -> None:
    """Whenever a batch is staged, this happens in its transaction."""
    pipeline.connection.execute(ON_STAGING.format(statement).encode())
    pipeline.connection.commit()


@pytest.mark.parametrize("state", ["40P01", "40001"])
def test_a_deadlock_in_the_last_attempt_costs_neither_the_attempt_nor_the_sync(
    pipeline: Pipeline, exports: type[Exports], state: str
) -> None:
    submitted = pipeline.submit(pipeline.write("a.json", exports.page(exports.liked("One", "A"))))
    pipeline.connection.execute("UPDATE mesh.jobs SET max_attempts = 1")
    on_staging(pipeline, f"RAISE SQLSTATE '{state}';")
    pipeline.work()
    assert pipeline.rows("SELECT attempts, status FROM mesh.jobs") == [(0, "scheduled")]
    pipeline.connection.execute("DROP TRIGGER on_staging ON mesh.staged_items")
    pipeline.connection.execute("UPDATE mesh.jobs SET status = 'pending'")
    pipeline.connection.commit()
    pipeline.work()
    assert pipeline.state(submitted) == "applied"


def test_a_sync_has_failed_when_its_job_is_a_dead_letter_and_goes_on_when_that_is_revived(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    submitted = pipeline.submit(pipeline.write("a.json", exports.page(exports.liked("One", "A"))))
    pipeline.connection.execute("UPDATE mesh.jobs SET max_attempts = 1")
    on_staging(pipeline, "RAISE 'the disk is full';")
    pipeline.work()
    status = sync_status(pipeline.connection, submitted.sync_id)
    assert status is not None
    assert (status.state, status.ended) == ("failed", True)
    assert "the disk is full" in str(status.problem)
    with pytest.raises(NoTasteError, match="nothing of theirs was ingested"):
        candidates(pipeline.connection, "1", 1)
    pipeline.connection.execute("DROP TRIGGER on_staging ON mesh.staged_items")
    pipeline.connection.execute(
        "WITH revived AS (DELETE FROM mesh.dead_jobs RETURNING id, job_type, payload) "
        "INSERT INTO mesh.jobs (id, job_type, payload) SELECT * FROM revived"
    )
    pipeline.connection.commit()
    pipeline.work()
    assert pipeline.state(submitted) == "applied"


@pytest.mark.parametrize(
    "meanwhile",
    ["DELETE FROM mesh.leases;", "UPDATE mesh.syncs SET state = 'applied';"],
    ids=["another worker has the job", "another worker has done the job"],
)
def test_a_worker_that_lost_the_job_stages_no_more(pipeline: Pipeline, exports: type[Exports], meanwhile: str) -> None:
    songs = [exports.play("2020-01-01 10:00", "A", f"Song {n}", 1) for n in range(BATCH + 1)]
    pipeline.submit(pipeline.write("StreamingHistory0.json", songs))
    on_staging(pipeline, meanwhile)
    pipeline.work()
    assert pipeline.value("SELECT count(*) FROM mesh.staged_items") == BATCH
