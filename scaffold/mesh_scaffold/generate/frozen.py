"""Which migrations others have already: what git's HEAD holds, and what a database that is at hand has applied."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mesh_scaffold.database import NoDatabaseError, connect, database_at_hand, database_url, has_stopped_server
from mesh_scaffold.programs import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

GIT_SECONDS = 10.0
APPLIED = "SELECT name FROM mesh.migrations WHERE source = 'host'"


def frozen_migrations(root: Path, environ: Mapping[str, str]) -> Callable[[Sequence[str]], frozenset[str]]:
    """Tells which of some migrations may not be changed any more; a server of the project's own is started to say.

    Args:
        root: the project's folder.
        environ: where `DATABASE_URL` is looked up.
    """

    def frozen(paths: Sequence[str]) -> frozenset[str]:
        committed = _committed(root, environ, paths)
        rest = [path for path in paths if path not in committed]
        return committed | (_applied(root, environ, rest) if rest else frozenset())

    return frozen


def _committed(root: Path, environ: Mapping[str, str], paths: Sequence[str]) -> frozenset[str]:
    """Those that HEAD has; none outside of a git repository."""
    own = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    command = ["git", "ls-tree", "-r", "-z", "--name-only", "HEAD", "--", *paths]
    with contextlib.suppress(OSError, TimeoutError):
        done = run(command, folder=root, environment=own, seconds=GIT_SECONDS)
        if done.code == 0:
            return frozenset(done.output.decode("utf-8", "replace").split("\0")) & frozenset(paths)
    return frozenset()


def _applied(root: Path, environ: Mapping[str, str], paths: Sequence[str]) -> frozenset[str]:
    """Those that are in the ledger of the database, if there is one; all of them where it cannot be asked.

    A migration that leads on from another is right whether somebody has that or not; one that is written over what a
    database has applied stops every `mesh db migrate`.
    """
    url = database_at_hand(root, environ)
    if url is None and not has_stopped_server(root):
        return frozenset()
    import psycopg  # lazily: only a database that is there is asked

    try:
        with connect(url or database_url(root, environ)) as connection:
            names = {name for (name,) in connection.execute(APPLIED)}
    except NoDatabaseError:
        return frozenset(paths)
    except psycopg.Error:  # no migration was ever applied
        return frozenset()
    return frozenset(path for path in paths if _name(path) in names or path.rpartition("/")[2] in names)


def _name(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".sql")
