"""Other programs, run with input and a time limit, and ended with everything that they started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended: its exit code, and what it wrote."""

    code: int
    output: bytes
    errors: str


def run(
    command: Sequence[str],
    *,
    text: bytes = b"",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float,
) -> Finished:
    """Run `command`, without a shell, and give it `text` to read.

    Args:
        command: the program and its arguments; it is looked up on PATH, then beside the Python that runs mesh, where
            the tools of a virtual environment are that nobody has activated.
        text: what it reads on standard input.
        folder: where it runs; None is here.
        environment: its variables; None gives it ours.
        seconds: how long it may take.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it took longer; it was ended, and its children with it.
    """
    variables = os.environ if environment is None else environment
    path = os.pathsep.join((variables.get("PATH", os.defpath), str(Path(sys.executable).parent)))
    process = subprocess.Popen(
        [shutil.which(command[0], path=path) or command[0], *command[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=None if environment is None else dict(environment),
        start_new_session=True,  # so that its children can be ended with it
    )
    with process:
        try:
            output, errors = process.communicate(text, timeout=seconds)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimeoutError(f"it took longer than {seconds:g} seconds") from error
            raise
    return Finished(process.returncode, output, errors.decode("utf-8", "replace"))
