"""The embedded server: a real PostgreSQL for one project, in the project's own folder, reached by its owner only.

The server listens on a socket in a private folder and on no network. It belongs to no terminal and no process: the
first command that needs it starts it, and it runs until it is stopped. Starting and stopping happen under a file lock,
so that commands at the same time share one server; the server holds a second lock as long as it or a child of it lives,
so that one that was killed, or a pid file whose number somebody else has now, is told from one that runs.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mesh_descriptors.errors import Place
from mesh_runtime.database.binaries import Identity
from mesh_runtime.database.cluster import USER, Cluster, ServerStartError
from mesh_runtime.database.locks import is_locked, lock
from mesh_runtime.database.postmaster import Postmaster
from mesh_runtime.database.sockets import PORT, clear_socket_folder, remove_socket_folder, socket_folder
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
    """The server whose data, log and locks are in `folder`.

    Attributes:
        folder: a project's `.mesh/local`, or any folder of the caller's own.
        durable: False lets a crash of the machine lose data, for tests.
    """

    folder: Path
    durable: bool = True

    def start(self, *, watch: int | None = None) -> str:
        """Start the server unless it runs; return its URL.

        Args:
            watch: the end of a pipe to read from: the server then ends once nobody holds the other end, even if the
                caller is killed. Without it the server runs until it is stopped.

        Raises:
            ServerStartError: it did not start; the message ends with what its log says.
            RefusedIdentityError: the caller is root and this machine offers no way around PostgreSQL's refusal.
            ProgramsMissingError: the embedded PostgreSQL is not installed.
        """
        with self._explained():
            if url := self._running_url():
                return url
            with self._locked():
                return self._found_again() or self._started(watch)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Run the server while the body runs; yields its URL. It does not outlive this process, even a killed one."""
        watched, held = os.pipe()
        try:
            try:
                url = self.start(watch=watched)
            finally:
                os.close(watched)
            yield url
        finally:
            os.close(held)
            self.stop()

    def stop(self) -> bool:
        """Stop the server, ending its connections; whether one was running.

        Raises:
            ServerStopError: it is still there after a minute.
        """
        with self._explained():
            if not self._cluster.data.exists():
                return False
            with self._locked():
                if not is_locked(self._cluster.alive):
                    return False
                self._end()
                return True

    def status(self) -> ServerStatus:
        """What is known of the server, without starting it."""
        cluster = self._cluster
        with self._explained():
            url = self._running_url()
            postmaster = Postmaster.read(cluster.data)
        return ServerStatus(
            url is not None, cluster.data, cluster.log, postmaster.pid if postmaster and url else None, url
        )

    @property
    def _cluster(self) -> Cluster:
        return Cluster(self.folder.resolve(), durable=self.durable)

    def _running_url(self) -> str | None:
        postmaster = Postmaster.read(self._cluster.data)
        if postmaster is None or postmaster.socket_folder is None or not postmaster.answers():
            return None
        return _url(postmaster.socket_folder)

    def _started(self, watch: int | None) -> str:
        cluster = self._cluster
        identity = Identity.choose(cluster.data)
        if not cluster.data.exists():
            cluster.initialise(identity)
        sockets = socket_folder(cluster.data)
        # Nobody holds the server's lock, so these are stale, whoever has the number that they name.
        (cluster.data / "postmaster.pid").unlink(missing_ok=True)
        clear_socket_folder(sockets)
        cluster.run(identity, sockets, watch=watch)
        return _url(sockets)

    def _found_again(self) -> str | None:
        """The URL of a server that runs already or is on its way; None once there is none."""
        alive = self._cluster.alive

        def settled() -> bool:
            postmaster = Postmaster.read(self._cluster.data)
            return not is_locked(alive) or (postmaster is not None and postmaster.ready)

        _wait(settled)
        if url := self._running_url():
            return url
        if is_locked(alive):
            self._end()  # its socket was swept away, or it was killed and its children have yet to notice
        return None

    def _end(self) -> None:
        cluster = self._cluster
        postmaster = Postmaster.read(cluster.data)
        if postmaster:
            postmaster.end()
        if not _wait(lambda: not is_locked(cluster.alive)):
            raise ServerStopError(
                "the embedded server does not stop" + (f" (process {postmaster.pid})" if postmaster else ""),
                place=Place(str(cluster.log)),
                remedy="Look into its log. As a last resort kill its processes: PostgreSQL loses no data by that.",
            )
        if postmaster and postmaster.socket_folder:
            remove_socket_folder(postmaster.socket_folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        folder = self._cluster.folder
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".gitignore").write_text("*\n")
        with lock(folder / "postgres.lock"):
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What the file system refuses is the user's to mend; it is reported with its place."""
        try:
            yield
        except OSError as error:
            raise ServerStartError(
                f"the embedded server's files cannot be used: {error.strerror or error}",
                place=Place(str(error.filename or self.folder)),
                remedy="Free space, or give the folder to the user who runs mesh (was it made by sudo?).",
            ) from error


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
