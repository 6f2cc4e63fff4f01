"""`mesh queue bench`: what this database does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from mesh_cli.console import emit_json, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.cli.queue.options import queue_database
from mesh_runtime.queue.noop import measure
from mesh_runtime.settings import Settings


def bench_command(
    jobs: Annotated[int, typer.Option(min=100, max=10_000_000, help="How many jobs to run.")] = 20_000,
    prefetch: Annotated[int, typer.Option(min=1, max=500, help="The most jobs in one claim.")] = 500,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long to measure the start of jobs, at 20 a second.")
    ] = 5.0,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Measure this database.

    One worker runs jobs that do nothing, of the type noop; nothing of them is left.

    For example: mesh queue bench --jobs 100000
    """
    with queue_database(project):  # says at once what is missing
        pass
    if not as_json:
        say(f"{jobs:,} jobs, {seconds:g} s of single ones ...", err=True)
    found = measure(Settings.load(project), jobs=jobs, prefetch=prefetch, seconds=seconds)
    if as_json:
        emit_json({name: round(value, 3) for name, value in asdict(found).items()})
        return
    for name, value in (
        ("enqueue, one by one", f"{found.single_per_second:10,.0f} jobs/s"),
        ("enqueue, all at once", f"{found.batch_per_second:10,.0f} jobs/s"),
        (f"run, {found.prefetch} in a claim", f"{found.run_per_second:10,.0f} jobs/s"),
        ("enqueue to start, p50", f"{found.start_p50_ms:10.1f} ms"),
        ("enqueue to start, p95", f"{found.start_p95_ms:10.1f} ms"),
    ):
        say(f"{name:<24}{value}")
