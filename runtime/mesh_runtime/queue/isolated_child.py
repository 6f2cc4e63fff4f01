"""The process of a handler: what it is told, and what it does."""

from __future__ import annotations

import asyncio
import os
import pickle
import queue
import runpy
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mesh_runtime.queue import tracing
from mesh_runtime.queue.connections import Connections
from mesh_runtime.queue.context import JobContext
from mesh_runtime.queue.errors import HandlerError
from mesh_runtime.queue.handlers import Handler
from mesh_runtime.queue.masking import without_secrets
from mesh_runtime.queue.outcomes import EndedItself, Outcome, completed, raised

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_runtime.queue.isolated import HandlerLoader
    from mesh_runtime.queue.values import Job
    from mesh_runtime.settings import Settings

_MAIN = "__mp_main__"
"""What multiprocessing calls the program's main module in its children, so that `if __name__ == ...` is not run."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process is told first: `main` is the file of the program's main module, or its name."""

    settings: Settings
    url: str
    load: HandlerLoader | None
    main: str | None

    @classmethod
    def here(cls, settings: Settings, url: str, load: HandlerLoader | None) -> Setup:
        """A setup in which names lead to what they lead to in this process."""
        main = sys.modules["__main__"]
        spec = getattr(main, "__spec__", None)
        return cls(settings, url, load, spec.name if spec else getattr(main, "__file__", None))


@dataclass(frozen=True, slots=True)
class Request:
    """A job to run, below a span of its worker."""

    job: Job
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A handler that will be needed: that of a type, in the module of its function."""

    job_type: str
    module: str


def packed(message: object) -> bytes:
    """The message with its length before it."""
    body = pickle.dumps(message)
    return len(body).to_bytes(4) + body


def unpacked(body: bytes) -> Any:
    """The message, from a process that this one started or was started by."""
    return pickle.loads(body)  # noqa: S301


def serve(descriptor: int) -> None:
    """Run jobs until the worker ends or wants no more."""
    channel = socket.socket(fileno=descriptor)
    channel.set_inheritable(False)
    received: queue.SimpleQueue[Any] = queue.SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_receive, args=(channel, received, busy), name="mesh-lifeline", daemon=True).start()
    process = _Process(received.get())
    while (message := received.get()) is not None:
        busy.set()
        answer = process.find(message) if isinstance(message, Wanted) else process.run(message)
        busy.clear()
        channel.sendall(packed(answer))
    process.connections.close()


def _receive(channel: socket.socket, received: queue.SimpleQueue[Any], busy: threading.Event) -> None:
    """Pass on what comes; when the worker is gone, a job that still runs is for others."""
    with channel.makefile("rb") as stream:
        while size := stream.read(4):
            received.put(unpacked(stream.read(int.from_bytes(size))))
    if busy.is_set():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    received.put(None)


class _Process:
    def __init__(self, setup: Setup) -> None:
        self.connections = Connections(setup.url)
        self._setup = setup
        self._loaded: Mapping[str, Handler] | None = None
        self._found: dict[str, Handler] = {}

    def find(self, wanted: Wanted) -> str | None:
        """Find the handler of a type; what is wrong if that fails."""
        if wanted.job_type in self._found:
            return None
        try:
            self._found[wanted.job_type] = self._handler(wanted)
        except Exception as error:  # noqa: BLE001  importing it runs anything
            return f"cannot find it: {type(error).__name__}: {error}"
        return None

    def run(self, request: Request) -> Outcome:
        """Run a job of a type that was found."""
        job, handler = request.job, self._found[request.job.job_type]
        context = JobContext(job, self._setup.settings, self.connections.lend)
        started = time.perf_counter()
        try:
            with tracing.continued(request.traceparent):
                result: Any = handler(handler.read(job.payload_text), context)
                if handler.is_async:
                    result = asyncio.run(result)
        except BaseException as error:  # noqa: BLE001  whatever a handler raises fails only its job
            return raised(error, partial(without_secrets, job.payload_text, handler.secrets))
        if context.ended_itself:
            return EndedItself()
        return completed(result, round((time.perf_counter() - started) * 1000))

    def _handler(self, wanted: Wanted) -> Handler:
        if self._setup.load is not None:
            self._loaded = self._loaded or self._setup.load(self._setup.settings)
            return self._loaded[wanted.job_type]
        module = self._main() if wanted.module == "__main__" else import_module(wanted.module)
        for value in vars(module).values():
            if isinstance(value, Handler) and value.job_type == wanted.job_type:
                return value
        raise HandlerError(f"the module {wanted.module} has no handler of the type {wanted.job_type}")

    def _main(self) -> Any:
        if _MAIN not in sys.modules:
            main = self._setup.main or ""
            run = runpy.run_path if os.path.exists(main) else runpy.run_module  # noqa: PTH110  it may be a name
            module = type(sys)(_MAIN)
            sys.modules[_MAIN] = module
            module.__dict__.update(run(main, run_name=_MAIN))
        return sys.modules[_MAIN]
