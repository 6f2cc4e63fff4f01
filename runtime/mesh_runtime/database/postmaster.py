"""What a running server says of itself in its data folder: `postmaster.pid`."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mesh_runtime.database.sockets import socket_file


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server that a pid file names; it may be gone.

    Attributes:
        pid: its process.
        socket_folder: where it listens; None while it has not said so.
        ready: whether it says that it accepts connections.
    """

    pid: int
    socket_folder: Path | None
    ready: bool

    @classmethod
    def read(cls, data: Path) -> Postmaster | None:
        """The server that the folder `data` names; None when no pid file was left there, or half a one."""
        try:
            lines = (data / "postmaster.pid").read_text(errors="surrogateescape").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        lines += [""] * (8 - len(lines))
        pid, folder, state = lines[0].strip(), lines[4].strip(), lines[7].strip()
        if not pid.isascii() or not pid.isdigit() or int(pid) < 2:
            return None
        return cls(int(pid), Path(folder) if folder else None, state == "ready")

    def answers(self) -> bool:
        """Whether it is ready and somebody listens on its socket."""
        if not self.ready or self.socket_folder is None:
            return False
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(socket_file(self.socket_folder)))
            except OSError:
                return False
        return True

    def end(self) -> None:
        """Ask for a fast shutdown: sessions are ended, data is written. Returns at once."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
