"""Handing in an export: checked from end to end first, then stored and enqueued in one go."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

from mesh_descriptors.errors import Place
from mesh_runtime.database import queries
from mesh_runtime.ingest.connectors import find_connector
from mesh_runtime.ingest.errors import UnreadableExportError
from mesh_runtime.ingest.export import Export, Tally
from mesh_runtime.ingest.jobs import IngestExport, ingest_export
from mesh_runtime.ingest.limits import Limits
from mesh_runtime.ingest.storage import raw_storage
from mesh_runtime.ingest.users import parse_user_id
from mesh_runtime.queue import enqueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psycopg

    from mesh_runtime.ingest.storage import RawStorage
    from mesh_runtime.settings import Settings

_SQL = queries("ingest")
_PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True)
class Checked:
    """An export that was read from end to end without a fault; nothing is stored yet.

    Attributes:
        connector: the connector's name.
        path: the file.
        user_id: whose it is, in canonical form.
        sha256: of the file.
        size: in bytes.
        records: how many records there are, by stream.
        kept: how many of them name a medium and are not left out.
        announced: how many the service says there are in all, by stream; more than `records` when pages are missing.
    """

    connector: str
    path: Path
    user_id: str
    sha256: bytes
    size: int
    records: dict[str, int]
    kept: int
    announced: dict[str, int]


@dataclass(frozen=True, slots=True)
class Submitted:
    """An export that is stored and waits for a worker.

    Attributes:
        sync_id: the reading of it; `mesh.syncs` says how far it is.
        job_id: the job that reads it.
        checked: what was found in it.
        stored_before: the same file was handed in earlier, and is stored only once.
    """

    sync_id: UUID
    job_id: UUID
    checked: Checked
    stored_before: bool


def check(
    settings: Settings, connector: str, path: Path, user_id: str | int, advance: Callable[[int], None] | None = None
) -> Checked:
    """Read an export from end to end, storing nothing.

    Args:
        settings: the project.
        connector: the connector's name, such as `spotify`.
        path: the file.
        user_id: whose export it is.
        advance: called with the number of bytes that were read since the last call.

    Raises:
        UserIdError, UnknownConnectorError, UnreadableExportError, LimitExceededError: what is wrong, and where.
    """
    user, manifest = parse_user_id(user_id), find_connector(settings, connector)
    with _opened(path) as file:
        digest, size = _digest(file)
        tally, reached = Tally(), 0
        export = Export(manifest, file, str(path), Limits.of(settings))
        for count, _ in enumerate(export.items(tally)):
            if advance and count % _PROGRESS_EVERY == 0 and (now := file.tell()) > reached:
                advance(now - reached)
                reached = now
        announced = dict(export.announced())
    return Checked(connector, path, user, digest, size, dict(tally.records), tally.kept, announced)


def submit(
    settings: Settings, connection: psycopg.Connection[Any], connector: str, path: Path, user_id: str | int
) -> Submitted:
    """Check an export, store it and enqueue the job that reads it; errors as `check` has them, and nothing is stored.

    The rows and the job exist once the caller's transaction commits.
    """
    return store(settings, connection, check(settings, connector, path, user_id))


def store(settings: Settings, connection: psycopg.Connection[Any], checked: Checked) -> Submitted:
    """Store an export that was checked, and enqueue the job that reads it, in the caller's transaction."""
    storage = raw_storage(settings)
    with ExitStack() as undo, connection.transaction():
        sync_id = UUID(str(_value(connection, "new_sync_id", {})))
        raw_file, stored_before = _raw_file(connection, storage, checked, sync_id, undo)
        values = {"id": sync_id, "user_id": checked.user_id, "connector": checked.connector, "raw_file": raw_file}
        connection.execute(_SQL["insert_sync"].sql, values)
        job_id = enqueue(connection, ingest_export, IngestExport(sync_id=sync_id), user_id=checked.user_id)
        connection.execute(_SQL["set_sync_job"].sql, {"id": sync_id, "job_id": job_id})
        undo.pop_all()
    return Submitted(sync_id, job_id, checked, stored_before)


def _raw_file(
    connection: psycopg.Connection[Any], storage: RawStorage, checked: Checked, sync_id: UUID, undo: ExitStack
) -> tuple[UUID, bool]:
    """The id of the raw file, stored now unless the same content of this user is there; and whether it was."""
    content = {"user_id": checked.user_id, "connector": checked.connector, "sha256": checked.sha256}
    if row := connection.execute(_SQL["find_raw_file"].sql, content).fetchone():
        if not storage.holds(row[1]):
            storage.put(row[1], checked.path)
        return row[0], True
    key = f"{checked.connector}/{checked.user_id}/{sync_id}/0"
    undo.callback(storage.delete, key)
    storage.put(key, checked.path)
    values = content | {"storage_key": key, "name": checked.path.name, "size": checked.size}
    if raw_file := _value(connection, "insert_raw_file", values):
        return raw_file, False
    storage.delete(key)  # somebody handed in the same file at the same moment
    return _value(connection, "find_raw_file", content), True


def _value(connection: psycopg.Connection[Any], name: str, values: dict[str, Any]) -> Any:
    row = connection.execute(_SQL[name].sql, values).fetchone()
    return row[0] if row else None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if not path.exists():
            raise UnreadableExportError("no such file", place=Place(str(path)), remedy="Check the path.")
        if path.exists() and not path.is_dir() and not path.is_file():
            remedy = "Save it to a file first: it is read twice."
            raise UnreadableExportError("is no regular file", place=Place(str(path)), remedy=remedy)
        if not path.is_file():
            remedy = "Give one file: a .json file of the export, or a .zip with all of them."
            raise UnreadableExportError("is a folder, expected a file", place=Place(str(path)), remedy=remedy)
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise UnreadableExportError(f"cannot be read: {error.strerror}", place=Place(str(path))) from error


def _digest(file: BinaryIO) -> tuple[bytes, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(1024 * 1024):
        digest.update(chunk)
        size += len(chunk)
    return digest.digest(), size
