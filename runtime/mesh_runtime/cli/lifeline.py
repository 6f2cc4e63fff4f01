"""The socket between a supervisor and a worker that it has started: each knows when the other is gone."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from mesh_runtime.queue import Counts

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "MESH_WORKER_LIFELINE"
"""Set by the supervisor, for its workers alone: the number of the socket's descriptor."""


class Lifeline:
    """A worker's end."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)

    @classmethod
    def of_this_process(cls) -> Lifeline | None:
        """The lifeline, if a supervisor has started this process; what this process starts has none."""
        descriptor = os.environ.pop(VARIABLE, None)
        return None if descriptor is None else cls(int(descriptor))

    def when_cut(self, stop: Callable[[], None]) -> None:
        """Call `stop`, in another thread, when the supervisor has died."""
        threading.Thread(target=self._watch, args=(stop,), name="mesh-lifeline", daemon=True).start()

    def tell(self, counts: Counts) -> None:
        """Tell the supervisor, if it lives, what was done."""
        try:
            self._socket.sendall(json.dumps(asdict(counts)).encode())
        except OSError:
            return

    def _watch(self, stop: Callable[[], None]) -> None:
        while self._socket.recv(1):
            pass
        with suppress(RuntimeError):  # the worker has just ended
            stop()


def counts_told(text: bytes) -> Counts:
    """What a worker has told; nothing when it could not."""
    return Counts(**json.loads(text)) if text else Counts()
