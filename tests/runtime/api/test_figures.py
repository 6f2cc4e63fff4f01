"""What the queue tells over HTTP, and what it keeps to itself."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mesh_runtime.queue.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg
    from tests.runtime.api.conftest import Host

ADMIN = "admin-secret"


@pytest.fixture
def jobs(auto: psycopg.Connection[Any]) -> None:
    auto.execute(
        "SELECT mesh.register_job_types('{greet}'), mesh.enqueue('greet'), mesh.enqueue('greet', delay => '1 h')"
    )


@pytest.mark.usefixtures("jobs")
def test_stats_have_totals_types_and_workers(host: Host) -> None:
    found = host.ask("/api/admin/queue/stats", ADMIN).json()
    assert found["total"]["enqueued"] == 2
    assert found["total"]["pending"] == 1
    greet = next(row for row in found["types"] if row["job_type"] == "greet")
    assert (greet["pending"], greet["scheduled"], greet["paused"]) == (1, 1, False)
    assert found["workers"] == {"alive": 0, "idle": 0, "jobs": 0}


@pytest.mark.usefixtures("jobs")
def test_metrics_are_what_prometheus_reads(host: Host) -> None:
    answer = host.ask("/metrics", ADMIN)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert samples["mesh_queue_jobs", ("state", "pending"), ("type", "greet")] == 1
    assert samples["mesh_queue_enqueued_total", ("type", "greet")] == 2
    assert samples["mesh_queue_healthy",] == 1
    assert families["mesh_queue_ended"].type == "counter"
    assert all(family.documentation for family in families.values())


def test_a_queue_that_is_not_well_answers_503_and_says_why_to_the_admin_only(
    host: Host, auto: psycopg.Connection[Any]
) -> None:
    auto.execute("SELECT mesh.register_job_types('{greet}'), mesh.enqueue('greet')")
    auto.execute("UPDATE mesh.job_types SET paused = true WHERE name = 'greet'")
    public = host.ask("/api/health/queue")
    assert (public.status_code, public.json()) == (503, {"healthy": False})
    told = host.ask("/api/health/queue", ADMIN)
    assert told.status_code == 503
    assert [reason["reason"] for reason in told.json()["reasons"]] == ["paused"]


def test_the_database_is_asked_for_health_once_a_second_however_many_ask(
    host: Host, auto: psycopg.Connection[Any]
) -> None:
    assert host.ask("/api/health/queue").status_code == 200
    auto.execute("SELECT mesh.register_job_types('{greet}'), mesh.enqueue('greet')")
    auto.execute("UPDATE mesh.job_types SET paused = true WHERE name = 'greet'")
    deadline = time.monotonic() + 20
    while host.ask("/api/health/queue").status_code == 200:
        assert time.monotonic() < deadline


def test_a_database_that_is_away_is_an_answer_without_its_password(serve: Callable[..., Any]) -> None:
    url = "postgresql://someone:hunter2@127.0.0.1:1/nothing"
    with serve(database_url=url, admin_secret=ADMIN, cron_secret=ADMIN) as host:
        assert host.ask("/api/health/queue").json() == {"healthy": False}
        for path in ("/api/health/queue", "/api/admin/queue/stats", "/metrics", "/api/queue/process"):
            answer = host.ask(path, ADMIN)
            assert answer.status_code == 503
            assert "127.0.0.1:1" in answer.text
            assert "hunter2" not in answer.text


def test_a_database_without_a_queue_is_an_answer_that_says_what_to_do(
    serve: Callable[..., Any], mesh_server: str
) -> None:
    with serve(database_url=mesh_server, admin_secret=ADMIN) as host:
        assert host.ask("/api/health/queue").status_code == 503
        assert "mesh db migrate" in host.ask("/api/admin/queue/stats", ADMIN).json()["detail"]


def test_nothing_of_a_payload_leaves(host: Host, auto: psycopg.Connection[Any]) -> None:
    auto.execute("SELECT mesh.register_job_types('{greet}')")
    auto.execute("UPDATE mesh.job_types SET secrets = '{token}' WHERE name = 'greet'")
    auto.execute('SELECT mesh.enqueue(\'greet\', \'{"token": "hunter2", "name": "somebody"}\', user_id => \'user-77\')')
    for path in ("/api/health/queue", "/api/admin/queue/stats", "/metrics"):
        text = host.ask(path, ADMIN).text
        assert not re.search(r"hunter2|somebody|user-77", text)
        assert MASK not in text


def test_the_endpoints_are_in_the_documents_of_the_app(host: Host) -> None:
    paths = host.ask("/openapi.json").json()["paths"]
    assert sorted(paths["/api/queue/process"]) == ["get", "post"]
    assert "/api/health/queue" in paths
