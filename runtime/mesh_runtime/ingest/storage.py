"""Raw files in object storage, stored as they came: a private local folder, or whatever obstore reaches by URL."""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mesh_runtime.errors import Retryable, RuntimeFault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from obstore import ReadableFile
    from obstore.store import ObjectStore

    from mesh_runtime.settings import Settings


class StorageError(Retryable):
    """The object storage doesn't answer, or lacks a file that it should hold."""


class StorageSettingsError(RuntimeFault):
    """The storage that the settings name cannot be used."""


class RawStorage(Protocol):
    """Where raw files are kept, by key."""

    def put(self, key: str, path: Path) -> None:
        """Store the file at `path`, all or nothing."""

    def open(self, key: str) -> BinaryIO:
        """Open a stored file for reading, seekable; a StorageError when it isn't there."""

    def holds(self, key: str) -> bool:
        """Whether there is a file of that key."""

    def delete(self, key: str) -> None:
        """Delete a file; one that isn't there is no error."""


class ObjectStorage:
    """Raw files in an obstore store."""

    def __init__(self, store: ObjectStore) -> None:
        import obstore  # lazily: commands that touch no storage don't pay for it

        self._store, self._obstore = store, obstore
        self._missing = obstore.exceptions.NotFoundError
        self._failed = (obstore.exceptions.BaseError, OSError)

    def put(self, key: str, path: Path) -> None:
        """Store the file at `path`, all or nothing."""
        try:
            self._obstore.put(self._store, key, path)
        except self._failed as error:
            raise StorageError(f"the storage did not take {key}: {_reason(error)}") from error

    def open(self, key: str) -> BinaryIO:
        """Open a stored file for reading, seekable."""
        try:
            file = self._obstore.open_reader(self._store, key, buffer_size=256 * 1024)
        except self._failed as error:
            raise StorageError(f"the storage does not hold {key}: {_reason(error)}") from error
        return io.BufferedReader(_Raw(file, key), buffer_size=64 * 1024)

    def holds(self, key: str) -> bool:
        """Whether there is a file of that key."""
        try:
            self._obstore.head(self._store, key)
        except (self._missing, FileNotFoundError):
            return False
        except self._failed as error:
            raise StorageError(f"the storage does not say whether it holds {key}: {_reason(error)}") from error
        return True

    def delete(self, key: str) -> None:
        """Delete a file; one that isn't there is no error."""
        try:
            self._obstore.delete(self._store, key)
        except (self._missing, FileNotFoundError):
            return
        except self._failed as error:
            raise StorageError(f"the storage did not delete {key}: {_reason(error)}") from error


class _Raw(io.RawIOBase):
    """obstore's reader in the shape of Python's, whose reads are `bytes` and may come short.

    Whatever it raises becomes a StorageError, which is no OSError: zipfile takes those for damaged archives.
    """

    def __init__(self, file: ReadableFile, key: str) -> None:
        self._file = file
        self._key = key

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the base's Buffer has no length
        with self._translated():
            chunk = self._file.read(len(buffer))
        buffer[: len(chunk)] = memoryview(chunk)
        return len(chunk)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with self._translated():
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise StorageError(f"the storage stopped handing out {self._key}: {_reason(error)}") from error


def raw_storage(settings: Settings) -> RawStorage:
    """The storage of the project: MESH_STORAGE_URL, else the folder `.mesh/local/storage`.

    Raises:
        StorageSettingsError: the URL names no storage that can be used.
    """
    from obstore.store import LocalStore, from_url

    try:
        if (folder := _folder(settings)) is None:
            assert settings.storage_url is not None
            return ObjectStorage(from_url(settings.storage_url))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return ObjectStorage(LocalStore(folder))
    except Exception as error:  # every kind of store has errors of its own
        raise StorageSettingsError(
            f"the storage cannot be used: {_reason(error)}",
            remedy="Correct MESH_STORAGE_URL, such as s3://bucket/folder or file:///var/lib/mesh.",
        ) from error


def _reason(error: Exception) -> str:
    """The first line of obstore's messages; the others are its debugging aid."""
    return str(error).split("\n")[0]


def _folder(settings: Settings) -> Path | None:
    """The local folder that the settings name; None for a store elsewhere."""
    if settings.storage_url is None:
        return settings.local / "storage"
    url = urlsplit(settings.storage_url)
    return Path(url2pathname(url.path)) if url.scheme == "file" else None
