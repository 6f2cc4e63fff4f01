"""The files of migrations: where they are, in which order, and what they say of themselves."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_runtime.database.resources import sql_folder
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_runtime.settings import Settings

_NO_TRANSACTION = re.compile(r"--\s*mesh:\s*no-transaction\s*$")
_NAME = re.compile(r"[0-9][A-Za-z0-9_.-]*\.sql")


class MigrationError(DatabaseError):
    """A migration cannot be applied."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file.

    Attributes:
        source: whose it is: `runtime` or `host`.
        name: the file's name, which orders it.
        path: where it is.
        sql: its text.
    """

    source: str
    name: str
    path: Path
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text with line ends as LF, so that a checkout with others is not a change."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """False when the comments at its top say `-- mesh: no-transaction`."""
        for line in self.sql.splitlines():
            if line.strip() and not line.lstrip().startswith("--"):
                break
            if _NO_TRANSACTION.fullmatch(line.strip()):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Source:
    """A folder of migrations.

    Attributes:
        name: what the ledger calls it.
        folder: where its files are; a folder that is missing holds none.
    """

    name: str
    folder: Path

    def migrations(self) -> tuple[Migration, ...]:
        """Its files in order.

        Raises:
            MigrationError: a file's name gives no order, or its text is not UTF-8.
        """
        paths = sorted(self.folder.glob("*.sql"), key=lambda path: path.name) if self.folder.is_dir() else []
        return tuple(_read(self.name, path) for path in paths)


def sources(settings: Settings) -> tuple[Source, ...]:
    """Whose migrations a project's database has: the runtime's, then the host's."""
    host = settings.project / settings.project_file.paths.migrations
    return (runtime_source(), Source("host", host))


def runtime_source() -> Source:
    """The runtime's own migrations."""
    return Source("runtime", sql_folder() / "migrations")


def _read(source: str, path: Path) -> Migration:
    if not _NAME.fullmatch(path.name):
        raise MigrationError(
            "the name of a migration begins with the number or timestamp that orders it",
            place=Place(str(path)),
            remedy="Name it like 20261122093000_poll_01_columns.sql.",
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MigrationError("is not UTF-8 text", place=Place(str(path)), remedy="Save the file as UTF-8.") from error
    return Migration(source, path.name, path, text)
