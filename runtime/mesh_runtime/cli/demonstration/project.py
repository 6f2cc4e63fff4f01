"""A project that is driven as a user would drive it: through the `mesh` command, in processes of their own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_runtime.errors import RuntimeFault
from mesh_runtime.settings import Settings, variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE = 60.0
"""How many seconds a process has to start."""


class DemoError(RuntimeFault):
    """A step of the demo did not do what it should."""


@dataclass(frozen=True, slots=True)
class Project:
    """The folder of a project."""

    folder: Path

    @property
    def settings(self) -> Settings:
        """The settings that its commands run with."""
        return Settings.load(self.folder, _environment())

    def mesh(self, *arguments: str) -> str:
        """Run a `mesh` command in the project; what it printed.

        Raises:
            DemoError: it did not end with 0.
        """
        return self._run([sys.executable, "-m", "mesh_cli", *arguments], "mesh " + " ".join(arguments))

    def python(self, code: str) -> str:
        """Run Python code with the project's app importable; what it printed."""
        return self._run([sys.executable, "-c", code], "a script in the app")

    def _run(self, command: list[str], shown: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=_environment(), capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            raise DemoError(f"{shown} ended with {done.returncode}:\n{(done.stdout + done.stderr).strip()}")
        return done.stdout

    @contextmanager
    def background(self, *arguments: str, log: Path, ready: str | None = None) -> Iterator[str]:
        """Run a `mesh` command while the body runs; yields the rest of the line of output that begins with `ready`."""
        with log.open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "mesh_cli", *arguments],
                cwd=self.folder,
                env=_environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        try:
            yield _wait_for(process, ready, log) if ready else ""
        finally:
            _stop(process)


def _environment() -> dict[str, str]:
    """The user's without the settings of mesh, which may name the user's own database, and with nothing buffered."""
    own = variables()
    return {name: value for name, value in os.environ.items() if name not in own} | {"PYTHONUNBUFFERED": "1"}


def _wait_for(process: subprocess.Popen[bytes], ready: str, log: Path) -> str:
    assert process.stdout is not None
    seen, end = b"", time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if select.select([process.stdout], [], [], 0.1)[0]:
            seen += os.read(process.stdout.fileno(), 65536)
        for line in seen.decode(errors="replace").splitlines(keepends=True):
            if line.startswith(ready) and line.endswith("\n"):
                return line[len(ready) :].strip()
    shown = " ".join(str(part) for part in process.args[2:]) if isinstance(process.args, list) else ""
    raise DemoError(f"{shown} did not start:\n{log.read_text(encoding='utf-8', errors='replace').strip()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def get_json(url: str) -> Any:
    """The JSON that a local address answers a GET with."""
    with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310  always the app that the demo has started
        return json.load(response)
