"""The process that runs the app: imports it, serves it on a socket that is open already, and stops when told.

Run as a module it is the child of the reloading `mesh serve`.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from mesh_cli.console import say
from mesh_descriptors.errors import MeshError, Place
from mesh_runtime.errors import RuntimeFault
from mesh_runtime.plugins.blame import described, own_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


PATIENCE = 2
"""How many seconds open requests get while a developer waits for the change that they saved."""


class AppError(RuntimeFault):
    """The project's app cannot be imported or started."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What to serve.

    Attributes:
        project: the folder that the app is imported from.
        app: `module:attribute`.
        announcement: the line that is printed once the app answers.
        answers: called then too.
        patience: how many seconds open requests get to finish when the server stops.
    """

    project: Path
    app: str
    announcement: str
    answers: Callable[[], object] = lambda: None
    patience: int = 5


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, serving: Serving) -> None:
        super().__init__(config)
        self._serving = serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            with suppress(BrokenPipeError):  # who read the first line may have gone since
                say(self._serving.announcement)
            self._serving.answers()


def serve(serving: Serving, listening: socket.socket) -> None:
    """Serve the app until SIGINT or SIGTERM; returns when it has been told to stop, and open requests are done.

    Raises:
        AppError: the app cannot be imported, or its start-up failed.
    """
    stop_on_signals()
    try:
        application = load_app(serving.project, serving.app)
        config = uvicorn.Config(
            application, log_config=_log_config(), timeout_graceful_shutdown=serving.patience, server_header=False
        )
        _Server(config, serving).run([listening])
    except KeyboardInterrupt:
        return
    except SystemExit as error:  # uvicorn's way to say that the lifespan's start-up failed; it has logged why
        raise AppError("the app's start-up failed; the log above says why", place=Place(serving.app)) from error


def stop_on_signals() -> None:
    """Let SIGTERM do what Ctrl-C does: raise KeyboardInterrupt, which no guard against an app's errors holds back."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def load_app(project: Path, reference: str) -> Any:
    """Import `module:attribute` with the project's folder as current folder and first on `sys.path`.

    Raises:
        AppError: with the file and line of the project's own that is to be corrected.
    """
    os.chdir(project)
    sys.path.insert(0, str(project))
    name, _, attribute = reference.partition(":")
    try:
        module = import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise AppError(f"the app cannot be imported: {described(error)}", place=_place(error, project)) from error
    application = getattr(module, attribute, None)
    if not callable(application):
        raise AppError(
            f"{name} has no ASGI application {attribute!r}",
            place=Place("mesh.toml", field="serve.app"),
            remedy="Name the application as module:attribute in [serve] of mesh.toml.",
        )
    return application


def _place(error: BaseException, project: Path) -> Place:
    """Where the project's own code went wrong; its virtual environment is no code of its own."""

    def owns(file: Path) -> bool:
        return file.is_relative_to(project) and not {".venv", "site-packages"} & set(file.parts)

    found = own_line(error, owns)
    if found is None:
        return Place("mesh.toml", field="serve.app")
    return Place(str(found[0].relative_to(project)), found[1])


def _log_config() -> dict[str, Any]:
    """Uvicorn's without its chatter, on standard error: standard output has the announcement and nothing else."""
    default, access = LOGGING_CONFIG["handlers"]["default"], LOGGING_CONFIG["handlers"]["access"]
    loggers = {
        "uvicorn": {"handlers": ["default"], "level": "WARNING", "propagate": False},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
        "mesh": {"handlers": ["default"], "level": "INFO", "propagate": False},
    }
    handlers = {"default": default, "access": {**access, "stream": "ext://sys.stderr"}}
    return {**LOGGING_CONFIG, "handlers": handlers, "loggers": loggers}


def _stop_without(parent: socket.socket) -> None:
    """End this process when its parent has gone, however it went: the parent's end of the pair is closed then."""

    def wait() -> None:
        with suppress(ConnectionResetError):  # it went without reading what `answers` sent
            parent.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def main(arguments: list[str]) -> int:
    """Serve as a child: the arguments are project, app, announcement, and two inherited sockets' descriptors."""
    project, app, announcement, *descriptors = arguments
    listening, parent = (socket.socket(fileno=int(descriptor)) for descriptor in descriptors)
    with listening, parent:
        _stop_without(parent)
        try:
            serve(Serving(Path(project), app, announcement, lambda: parent.send(b"1"), PATIENCE), listening)
        except MeshError as error:
            for problem in error.problems:
                say(f"error: {problem}", colour="red", err=True)
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
