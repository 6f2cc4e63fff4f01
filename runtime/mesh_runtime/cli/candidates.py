"""`mesh candidates`: list the users whose taste is nearest to a user's."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_cli.console import emit_json, print_table, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.cache import PostgresCache
from mesh_runtime.cli.ready import migrated_database
from mesh_runtime.discovery.candidates import MOST, candidates
from mesh_runtime.ingest.users import parse_user_id
from mesh_runtime.settings import Settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("candidates")
def list_candidates(
    user: Annotated[str, typer.Option("--user", metavar="ID", help="The viewer: a positive number or a UUID.")],
    count: Annotated[int, typer.Option("-k", "--count", min=1, max=MOST, help="How many to list.")] = 50,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Search again, even if the cache holds an answer of the last minute.")
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """List the users whose taste is nearest to a user's, with the cosine of both tastes.

    Exit codes: 0 done, also when there is nobody; 1 the user has no taste vector; 2 bad input, or no database.
    """
    viewer = parse_user_id(user)
    settings = Settings.load(project)
    with migrated_database(settings, "mesh candidates") as connection:
        found = candidates(connection, viewer, count, cache=None if fresh else PostgresCache(connection))
    if as_json:
        listed = [{"user": each.user_id, "score": each.score} for each in found]
        emit_json({"viewer": viewer, "candidates": listed})
    elif found:
        rows = [(rank, each.user_id, f"{each.score:.4f}") for rank, each in enumerate(found, start=1)]
        print_table(["rank", "user", "score"], rows, right=["rank", "score"])
    else:
        say("Nobody else has a taste vector yet.")
