"""The embedded server: a real PostgreSQL for one project, in the project's own folder, reached by its owner only.

The server listens on a socket in a private folder and on no network. It belongs to no terminal and no process: the
first command that needs it starts it, and it runs until it is stopped. Starting and stopping happen under a file lock,
so that commands at the same time share one server.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mesh_descriptors.errors import Place
from mesh_runtime.database.binaries import Identity
from mesh_runtime.database.cluster import USER, check_version, initialise, run
from mesh_runtime.database.postmaster import Postmaster
from mesh_runtime.database.sockets import PORT, remove_socket_folder, socket_folder
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DATABASE = "postgres"
_STEP_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0


class ServerStopError(DatabaseError):
    """The embedded server did not stop."""


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of an embedded server.

    Attributes:
        running: whether it accepts connections.
        data: its data folder, which may not exist yet.
        log: the file that takes its messages.
        pid: of the running server.
        url: where it is reached while it runs.
    """

    running: bool
    data: Path
    log: Path
    pid: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """The server whose data, log and lock are in `folder`.

    Attributes:
        folder: a project's `.mesh/local`, or any folder of the caller's own.
        durable: False lets a crash of the machine lose data, for tests.
    """

    folder: Path
    durable: bool = True

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder.absolute() / "postgres"

    @property
    def log(self) -> Path:
        """The file that takes the server's messages."""
        return self.folder.absolute() / "postgres.log"

    def start(self) -> str:
        """Start the server unless it runs; return its URL.

        Raises:
            ServerStartError: it did not start; the message ends with what its log says.
            RefusedIdentityError: the caller is root and this machine offers no way around PostgreSQL's refusal.
            ProgramsMissingError: the embedded PostgreSQL is not installed.
        """
        if url := self._running_url():
            return url
        with self._locked():
            if url := self._found_again():
                return url
            identity = Identity.choose(self.data)
            if not self.data.exists():
                initialise(identity, self.data)
            check_version(self.data)
            sockets = socket_folder(self.data)
            run(identity, self.data, sockets, self.log, durable=self.durable)
            return _url(sockets)

    def stop(self) -> bool:
        """Stop the server, ending its connections; whether one was running.

        Raises:
            ServerStopError: it is still there after a minute.
        """
        if not self.data.exists():
            return False
        with self._locked():
            postmaster = Postmaster.read(self.data)
            if postmaster is None or not postmaster.alive():
                return False
            self._end(postmaster)
            return True

    def status(self) -> ServerStatus:
        """What is known of the server, without starting it."""
        url = self._running_url()
        postmaster = Postmaster.read(self.data)
        return ServerStatus(url is not None, self.data, self.log, postmaster.pid if postmaster and url else None, url)

    def _running_url(self) -> str | None:
        postmaster = Postmaster.read(self.data)
        if postmaster is None or postmaster.socket_folder is None or not postmaster.reachable():
            return None
        return _url(postmaster.socket_folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _found_again(self) -> str | None:
        """The URL of a server that runs already or is on its way; clears away what is left of one that is gone."""
        postmaster = Postmaster.read(self.data)
        if postmaster is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            return None
        # One that a killed command started may still be reading its log; it is not started twice.
        _wait(lambda: self._running_url() is not None or not self._on_its_way())
        if url := self._running_url():
            return url
        if postmaster.alive():
            self._end(postmaster)  # it runs, but its socket was swept away
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return None

    def _on_its_way(self) -> bool:
        postmaster = Postmaster.read(self.data)
        return postmaster is not None and postmaster.state in ("", "starting", "stopping") and postmaster.alive()

    def _end(self, postmaster: Postmaster) -> None:
        os.kill(postmaster.pid, signal.SIGINT)  # a fast shutdown: sessions are ended, data is written
        if not _wait(lambda: not postmaster.alive()):
            raise ServerStopError(
                f"the embedded server (process {postmaster.pid}) does not stop",
                place=Place(str(self.log)),
                remedy=f"Look into its log; as a last resort, kill process {postmaster.pid}: no data is lost by that.",
            )
        if postmaster.socket_folder:
            remove_socket_folder(postmaster.socket_folder)


def _wait(until: Callable[[], bool]) -> bool:
    """Wait for a condition; whether it came in time."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not until():
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP_SECONDS)
    return True


def _url(sockets: Path) -> str:
    return f"postgresql://{USER}@/{DATABASE}?" + urlencode({"host": str(sockets), "port": PORT}, safe="/")
