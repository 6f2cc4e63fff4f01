"""What `postmaster.pid` says of a server, and whether it is still true."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mesh_runtime.database.sockets import socket_file


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server that the pid file in `data` names; it may be gone.

    Attributes:
        data: the data folder.
        pid: its process.
        socket_folder: where it listens; None while it has not said so.
        state: `starting`, `ready`, `stopping`, or empty while it has not said so.
    """

    data: Path
    pid: int
    socket_folder: Path | None
    state: str

    @classmethod
    def read(cls, data: Path) -> Postmaster | None:
        """The server that `data` names; None when no server was left there, or half a file that names none."""
        try:
            lines = (data / "postmaster.pid").read_text(errors="surrogateescape").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        lines += [""] * (8 - len(lines))
        pid, folder, state = lines[0].strip(), lines[4].strip(), lines[7].strip()
        if not pid.isascii() or not pid.isdigit() or int(pid) < 2:
            return None
        return cls(data, int(pid), Path(folder) if folder else None, state)

    def alive(self) -> bool:
        """Whether the process is there and is this server, not one that got the number later."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return False  # somebody else's process
        return os.fsencode(self.data) in _arguments(self.pid)

    def reachable(self) -> bool:
        """Whether it says that it is ready, and answers on its socket."""
        if self.state != "ready" or self.socket_folder is None:
            return False
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(socket_file(self.socket_folder)))
            except OSError:
                return False
        return self.alive()


def _arguments(pid: int) -> list[bytes]:
    """The arguments with which a process was started."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return []
    # Without /proc (macOS), ps joins the arguments; the data folder stands last in ours.
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False).stdout
    return [shown.rstrip(b"\n").partition(b" -D ")[2]]
