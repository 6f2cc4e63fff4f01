"""Runs the project's migrations, as a plan leaves them, on a throw-away database made from the app's own."""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from mesh_descriptors.errors import Place, Problem
from mesh_descriptors.project import PROJECT_FILE
from mesh_scaffold.database import VARIABLE, NoDatabaseError, connect, database_at_hand
from mesh_scaffold.programs import run
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.plan import Plan

SECONDS = 120.0
LARGEST = 1 << 30
"""Bytes: a database that is larger is not copied; the trial then begins with an empty one."""
REMEDY = "Nothing was written. --verify required leaves this out."
Outcome = tuple[tuple[Problem, ...], tuple[str, ...]]


def trial_problems(tree: Tree, plan: Plan, root: Path, project: ProjectFile, environ: Mapping[str, str]) -> Outcome:
    """Why the migrations do not run once the plan is written, if they did before; and what was broken before."""
    folder = project.paths.migrations
    if not any(change.path.startswith(f"{folder}/") for change in plan.changes):
        return (), ()
    url = database_at_hand(root, environ)
    if url is None:
        return (), ("no database runs: the migrations were not tried",)
    try:
        failure = _failure(tree, url, project, environ)
        if failure is None:
            return (), ()
        if _failure(Tree(Disk(root)), url, project, environ):
            return (), (f"the migrations failed before and do now: {failure}",)
    except (psycopg.Error, NoDatabaseError, OSError, TimeoutError) as error:
        return (), (f"the migrations were not tried: {str(error).strip().splitlines()[0]}",)
    return (Problem(f"the migrations fail on a throw-away database: {failure}", Place(folder), REMEDY),), ()


def _failure(tree: Tree, url: str, project: ProjectFile, environ: Mapping[str, str]) -> str | None:
    """What `mesh db migrate` says of the tree's migrations on a new database; None when it applies them all."""
    with _throw_away(url) as database, tempfile.TemporaryDirectory(prefix="mesh-verify-") as name:
        copy = Path(name)
        folder = copy / project.paths.migrations
        folder.mkdir(parents=True)
        (copy / PROJECT_FILE).write_bytes(tree.read(PROJECT_FILE) or b"")
        for path in tree.list(project.paths.migrations, ".sql"):
            (copy / path).write_bytes(tree.read(path) or b"")
        command = [sys.executable, "-m", "mesh_cli", "db", "migrate", "--project", str(copy)]
        variables = {key: value for key, value in environ.items() if key != "DATABASE_DIRECT_URL"}
        done = run(command, environment={**variables, VARIABLE: database, "NO_COLOR": "1"}, seconds=SECONDS)
        said = done.errors.replace(f"{copy.resolve()}/", "").replace(f"{copy}/", "").strip()
        return re.sub(r"^error: ", "", said) if done.code else None


@contextlib.contextmanager
def _throw_away(url: str) -> Iterator[str]:
    """The URL of a copy of the database, or of an empty one where it cannot be copied; dropped afterwards."""
    name = f"mesh_verify_{uuid4().hex[:16]}"
    parts = urlsplit(url)
    # A database that somebody is connected to cannot be copied: so the connection is to another.
    with contextlib.closing(connect(parts._replace(path="/postgres").geturl())) as admin:
        admin.autocommit = True
        _create(admin, name, parts.path.removeprefix("/"))
        try:
            yield parts._replace(path=f"/{name}").geturl()
        finally:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(admin: psycopg.Connection[Any], name: str, original: str) -> None:
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    size = admin.execute("SELECT pg_database_size(%s)", [original]).fetchone()
    if size and size[0] <= LARGEST:
        with contextlib.suppress(psycopg.errors.ObjectInUse, psycopg.errors.InsufficientPrivilege):
            admin.execute(create.format(sql.Identifier(name), sql.Identifier(original)))
            return
    admin.execute(create.format(sql.Identifier(name), sql.Identifier("template0")))
