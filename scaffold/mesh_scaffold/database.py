"""The project's database, for commands that look at it: where it is, and a connection that cannot hang."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import MeshError
from mesh_scaffold.programs import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import psycopg

VARIABLE = "DATABASE_URL"
SECONDS = 60.0
CONNECT_SECONDS = 5


class NoDatabaseError(MeshError):
    """The database cannot be reached."""


def database_at_hand(root: Path, environ: Mapping[str, str]) -> str | None:
    """The URL of the project's database if it can be had without starting anything; None when it cannot.

    That is `DATABASE_URL`, or a server of the project's own that runs.
    """
    if url := environ.get(VARIABLE):
        return url
    # Asking takes half a second, and would start a server that does not run: so a look at its process goes first.
    if not any(_runs(file) for file in (root / ".mesh" / "local").glob("*/postmaster.pid")):
        return None
    try:
        return _mesh(root, environ, "db", "url").strip() or None
    except NoDatabaseError:
        return None


def has_stopped_server(root: Path) -> bool:
    """Whether the project has data of a server of its own that does not run."""
    folders = [file.parent for file in (root / ".mesh" / "local").glob("*/PG_VERSION")]
    return bool(folders) and not any(_runs(folder / "postmaster.pid") for folder in folders)


def database_url(root: Path, environ: Mapping[str, str]) -> str:
    """The URL of the project's database; a server of the project's own is started.

    Raises:
        NoDatabaseError: it cannot be had.
    """
    return environ.get(VARIABLE) or _mesh(root, environ, "db", "url").strip()


def connect(url: str) -> psycopg.Connection[Any]:
    """A connection to the database.

    Raises:
        NoDatabaseError: nobody answers, or not to us.
    """
    import psycopg  # lazily: most commands never look at a database

    try:
        return psycopg.connect(url, connect_timeout=CONNECT_SECONDS, application_name="mesh", prepare_threshold=None)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()
        raise NoDatabaseError(
            f"the database cannot be reached: {reason[-1] if reason else error}",
            remedy=f"Start it (mesh db up), or correct {VARIABLE}.",
        ) from error


def _runs(pid_file: Path) -> bool:
    """Whether the process whose number is the file's first line is there."""
    try:
        os.kill(int(pid_file.read_text(encoding="ascii").split()[0]), 0)
    except PermissionError:
        return True  # it is there, and somebody else's: the server runs under an identity of its own
    except (OSError, ValueError, IndexError):
        return False
    return True


def _mesh(root: Path, environ: Mapping[str, str], *arguments: str) -> str:
    """What the command says: the runtime is another package, which is met through its command alone."""
    command = [sys.executable, "-m", "mesh_cli", *arguments, "--project", str(root)]
    try:
        done = run(command, environment=environ, seconds=SECONDS)
    except (OSError, TimeoutError) as error:
        message = f"mesh {' '.join(arguments)} cannot be run: {error}"
        raise NoDatabaseError(message, remedy=f"Run it yourself, or name a server by {VARIABLE}.") from error
    if done.code:
        said = done.errors.strip() or "it says not why"
        message = f"mesh {' '.join(arguments)} ended with {done.code}: {said}"
        raise NoDatabaseError(message, remedy=f"Run it yourself when that is mended, or name a server by {VARIABLE}.")
    return done.output.decode("utf-8", "replace")
