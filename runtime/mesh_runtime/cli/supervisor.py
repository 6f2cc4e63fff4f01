"""Several worker processes under one parent, which starts another for each that crashes and passes signals on."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import socket
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING

from mesh_runtime.cli.lifeline import VARIABLE, counts_told
from mesh_runtime.queue import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOG = logging.getLogger("mesh.queue")
_STOPS = (signal.SIGTERM, signal.SIGINT)
_COULD_NOT_RUN = 2
_SOUND_SECONDS = 60.0
"""Who has lived so long had not crashed at its start: the next pause is a short one again."""
_LONGEST_PAUSE = 30.0
_LAST_SECONDS = 15.0
"""How long workers that were told to end at once may take."""


class Supervisor:
    """Keeps `processes` workers running until it is stopped, or until each has ended because the queue is empty.

    SIGTERM and SIGINT are passed on: the first stops the workers softly, the second interrupts them, a third kills.

    Attributes:
        counts: what the workers did, as far as they could tell.
        exit_code: 0, or 2 when the workers could not run.
    """

    def __init__(self, command: Sequence[str], processes: int, *, until_empty: bool = False) -> None:
        """Nothing is started yet.

        Args:
            command: that of one worker.
            processes: how many of them.
            until_empty: a worker that ends by itself has found the queue empty.
        """
        self.counts = Counts()
        self.exit_code = 0
        self._command = command
        self._processes = processes
        self._until_empty = until_empty
        self._running: set[asyncio.subprocess.Process] = set()
        self._stops = 0
        self._stopping = asyncio.Event()

    def run(self) -> None:
        """Run until stopped."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _STOPS:
            loop.add_signal_handler(number, self._stop)
        try:
            await asyncio.gather(*(self._keep() for _ in range(self._processes)))
        finally:
            for number in _STOPS:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self._stops += 1
        self._stopping.set()
        if self._stops == 2:
            asyncio.get_running_loop().call_later(_LAST_SECONDS, self._send, signal.SIGKILL)
        self._send(signal.SIGTERM if self._stops <= 2 else signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for process in self._running:
            with suppress(ProcessLookupError):
                process.send_signal(number)

    async def _keep(self) -> None:
        """Keep one worker running."""
        failures = 0
        while not self._stopping.is_set():
            started = asyncio.get_running_loop().time()
            status = await self._one()
            if self._stopping.is_set() or (self._until_empty and status in (0, _COULD_NOT_RUN)):
                self.exit_code = max(self.exit_code, status if status == _COULD_NOT_RUN else 0)
                return
            sound = asyncio.get_running_loop().time() - started > _SOUND_SECONDS
            failures = 0 if sound else failures + 1
            pause = random.uniform(0.5, 1) * min(_LONGEST_PAUSE, 0.5 * 2 ** min(failures, 10))  # noqa: S311  no secret
            _LOG.warning("a worker process ended (%s): another one is started in %.1f s", _how(status), pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _one(self) -> int:
        """Run one worker to its end; its exit status."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    env=os.environ | {VARIABLE: str(theirs.fileno())},
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C is for the supervisor, which passes it on
                )
            self._running.add(process)
            for _ in range(self._stops):
                process.terminate()  # the signal came while the process was being started
            status = await process.wait()
            self._running.discard(process)
            ours.setblocking(False)  # noqa: FBT003  the socket's own signature
            with suppress(BlockingIOError):
                self._add(counts_told(ours.recv(4096)))
        return status

    def _add(self, counts: Counts) -> None:
        for field in fields(Counts):
            setattr(self.counts, field.name, getattr(self.counts, field.name) + getattr(counts, field.name))


def _how(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit code {status}"
