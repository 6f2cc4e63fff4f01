"""The loop of `mesh serve --reload`: runs the app in a child process and starts it anew when its Python code changes.

Uvicorn has such a loop. This one binds port 0 once for every child, ends with an error when the app never came up, and
watches single folders: a project's virtual environment and `.mesh` lie inside it and are not to be watched.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from watchfiles import Change, watch

from mesh_cli.console import say
from mesh_runtime.cli.serving.process import PATIENCE, Serving, stop_on_signals

CANNOT_RUN = 2
CodeFiles = dict[Path, tuple[int, int]]


_LOOK_MS = 200
"""How often the child's end is looked for; a change of a file is told at once."""


@dataclass(slots=True)
class _Child:
    """The process that serves at the moment.

    Attributes:
        parent: this process's end of a pair of sockets: it closes when this process ends, however it does.
        inherited: the child's end, on which a child says that its app answers.
        process: None when it has ended.
        answered: whether any child's app ever did.
    """

    parent: socket.socket
    inherited: socket.socket
    process: subprocess.Popen[bytes] | None = None
    answered: bool = False


def serve_and_reload(serving: Serving, listening: socket.socket, unwatched: frozenset[Path]) -> int:
    """Serve until SIGINT or SIGTERM; the exit code.

    Args:
        serving: what to serve.
        listening: the socket that every child inherits: no connection is refused while one takes over.
        unwatched: folders that hold no code of the app.
    """
    stop_on_signals()
    parent, inherited = socket.socketpair()
    parent.setblocking(False)  # noqa: FBT003  the standard library's signature
    with parent, inherited:
        child = _Child(parent, inherited)
        try:
            return _run(child, serving, listening, unwatched)
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(child)


def _run(child: _Child, serving: Serving, listening: socket.socket, unwatched: frozenset[Path]) -> int:
    project, before = serving.project, code_files(serving.project, unwatched)
    _start(child, serving, listening)
    while True:
        folders = code_folders(project, unwatched)
        looked = False  # what was saved before the watch began gives no event, so the first round looks in any case
        rounds = watch(*folders, recursive=False, watch_filter=_is_code, rust_timeout=_LOOK_MS, yield_on_timeout=True)
        for changes in rounds:
            if (ended := _ended(child)) is not None:
                if not child.answered:
                    return CANNOT_RUN
                say(f"the app ended (exit code {ended}); waiting for a change", colour="yellow", err=True)
            if looked and not changes:
                continue
            looked, now = True, code_files(project, unwatched)
            if now != before:
                _stop(child)
                _start(child, replace(serving, announcement=_reloaded(project, before, now)), listening)
                before = now
            if code_folders(project, unwatched) != folders:
                break  # the new folder is to be watched too


def _reloaded(project: Path, before: CodeFiles, now: CodeFiles) -> str:
    changed = sorted({path for path, _ in before.items() ^ now.items()})
    return f"reloaded after a change of {', '.join(str(path.relative_to(project)) for path in changed)}"


def code_folders(project: Path, unwatched: frozenset[Path]) -> tuple[Path, ...]:
    """The folders of the project that may hold Python code of its app, the project's own first."""
    found = []
    for path, folders, _ in os.walk(project):
        here = Path(path)
        found.append(here)
        folders[:] = sorted(name for name in folders if _may_hold_code(here / name) and here / name not in unwatched)
    return tuple(found)


def code_files(project: Path, unwatched: frozenset[Path]) -> CodeFiles:
    """The Python files in the project's code folders, each with its time of change and size."""
    found: CodeFiles = {}
    for folder in code_folders(project, unwatched):
        for file in folder.glob("[!.]*.py"):
            with suppress(FileNotFoundError):  # saved by renaming a moment ago
                state = file.stat()
                found[file] = (state.st_mtime_ns, state.st_size)
    return found


def _may_hold_code(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in ("__pycache__", "node_modules")
    return not hidden and not (folder / "pyvenv.cfg").exists()


def _is_code(change: Change, path: str) -> bool:
    file = Path(path)
    return (file.suffix == ".py" and not file.name.startswith(".")) or (change is not Change.modified and file.is_dir())


def _start(child: _Child, serving: Serving, listening: socket.socket) -> None:
    sockets = (listening.fileno(), child.inherited.fileno())
    own = (serving.project, serving.app, serving.announcement, *sockets)
    # -P keeps the current folder off sys.path until the library's own modules are imported. -B writes no bytecode:
    # Python takes a file for unchanged that is saved twice within a second and keeps its size.
    command = [sys.executable, "-P", "-B", "-m", "mesh_runtime.cli.serving.process", *map(str, own)]
    child.process = subprocess.Popen(command, cwd=serving.project, pass_fds=sockets)


def _ended(child: _Child) -> int | None:
    """The exit code of a child that ended by itself, once."""
    if child.process is None or (code := child.process.poll()) is None:
        return None
    child.process = None
    with suppress(BlockingIOError):
        child.answered = bool(child.parent.recv(1)) or child.answered
    return code


def _stop(child: _Child) -> None:
    process, child.process = child.process, None
    if process is None:
        return
    process.terminate()
    try:
        process.wait(PATIENCE + 2)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()
