"""Processes for handlers that must be killed when their time is over, or that may take their process along."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from mesh_runtime.queue import tracing
from mesh_runtime.queue.errors import HandlerError
from mesh_runtime.queue.isolated_child import Request, Setup, Wanted, packed, unpacked
from mesh_runtime.queue.outcomes import Failed, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from mesh_runtime.queue.handlers import Handler
    from mesh_runtime.queue.values import Job
    from mesh_runtime.settings import Settings

    HandlerLoader = Callable[[Settings], Mapping[str, Handler]]

_COMMAND = "import sys; sys.path[:] = {path!r}; from mesh_runtime.queue.isolated_child import serve; serve({fd})"


class HandlerProcesses:
    """Lends processes that run one job at a time, and keeps them for the next one.

    Each is in a session of its own: what stops the worker does not stop a handler, and a kill reaches what it started.
    A process ends when its worker does.
    """

    def __init__(self, settings: Settings, url: str, load: HandlerLoader | None) -> None:
        """Nothing is started yet.

        Args:
            settings: of the project.
            url: of the database, for the handlers.
            load: finds the handlers in a process, where it is called by its name; None imports their functions by name.
        """
        self._settings = settings
        self._url = url
        self._load = load
        self._idle: list[_Child] = []
        self._of_old: set[_Child] = set()
        self._all: set[_Child] = set()

    @asynccontextmanager
    async def lend(self, handler: Handler) -> AsyncIterator[_Child]:
        """A process that is ready to run the handler's jobs; it is killed when the body is left by an error.

        Raises:
            HandlerError: the handler cannot be found there.
        """
        child = self._idle.pop() if self._idle else self._started()
        try:
            await child.prepare(handler)
            yield child
        except BaseException:
            child.kill()
            self._all.discard(child)
            raise
        if child.alive and child not in self._of_old:
            self._idle.append(child)
        else:
            self._of_old.discard(child)
            self._all.discard(child)
            child.close()

    def renew(self) -> None:
        """The handlers have changed: processes that know the old ones end after their job."""
        for child in self._idle:
            self._all.discard(child)
            child.close()
        self._idle.clear()
        self._of_old = set(self._all)

    def close(self) -> None:
        """End the processes, and kill those that run a job."""
        for child in self._idle:
            self._all.discard(child)
            child.close()
        for child in self._all:
            child.kill()
        self._idle.clear()

    def _started(self) -> _Child:
        child = _Child(Setup.here(self._settings, self._url, self._load))
        self._all.add(child)
        return child


class _Child:
    """One process, and the socket over which it is told what to run."""

    def __init__(self, setup: Setup) -> None:
        self._setup: Setup | None = setup
        self._ours, theirs = socket.socketpair()
        command = _COMMAND.format(path=sys.path, fd=theirs.fileno())
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", command],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._reap, name=f"mesh-handler-{self._process.pid}", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the process has not ended, as far as is known."""
        return self._process.returncode is None

    async def prepare(self, handler: Handler) -> None:
        """Wait until the process has found the handler."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._ours)
            self._writer.write(packed(self._setup))
        problem = await self._asked(Wanted(handler.job_type, getattr(handler.function, "__module__", "")))
        if problem is not None:
            raise HandlerError(
                f"the process of {handler.job_type} {problem}",
                remedy="A handler in a process is found by importing its module, where it must be a name.",
            )

    async def run(self, job: Job) -> Outcome:
        """Run the job there; a process that ends meanwhile has failed it."""
        answer = await self._asked(Request(job, tracing.current_traceparent()))
        return Failed(f"the handler's process {answer}") if isinstance(answer, str) else answer

    def kill(self) -> None:
        """End the process and what it has started, now."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Let the process end: at once when it is idle."""
        if self._writer is not None:
            self._writer.close()
        else:
            self._ours.close()

    async def _asked(self, message: object) -> Any:
        """The answer; a text, when there will be none, says what became of the process."""
        assert self._reader is not None
        assert self._writer is not None
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            self._writer.write(packed(message))
            await self._writer.drain()
            size = await self._reader.readexactly(4)
            return unpacked(await self._reader.readexactly(int.from_bytes(size)))
        status = await asyncio.to_thread(self._process.wait)
        return f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"

    def _reap(self) -> None:
        """The end of the process also ends the wait for its answer, even if what it started still holds the socket."""
        self._process.wait()
        with suppress(RuntimeError):  # the loop has gone
            self._loop.call_soon_threadsafe(self._ended)

    def _ended(self) -> None:
        if self._reader is not None:
            self._reader.feed_eof()
