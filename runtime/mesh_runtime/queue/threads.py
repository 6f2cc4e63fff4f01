"""Threads for handlers that are not async."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

_Call = tuple[Callable[[], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]


class HandlerThreads:
    """Runs calls in daemon threads, one for each call at a time.

    Unlike those of `concurrent.futures`, these threads don't keep the process alive: a handler that never returns
    must not outlive a hard shutdown.

    Attributes:
        leaked: how many threads run calls that nobody waits for any more; each has a stand-in.
    """

    def __init__(self, most: int, name: str) -> None:
        self.leaked = 0
        self._most = most
        self._name = name
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._started = 0
        self._busy = 0

    async def run(self, call: Callable[[], Any]) -> Any:
        """The call's result, from a thread, in the caller's context; being cancelled does not stop the thread."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._busy += 1
        if self._busy > self._started and self._started < self._most + self.leaked:
            self._started += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        context = contextvars.copy_context()
        self._calls.put((partial(context.run, call), answer, loop))
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.cancelled():  # the caller was, and not the handler, which may raise that too
                self.leaked += 1
            raise

    def close(self) -> None:
        """Let the idle threads end."""
        for _ in range(self._started):
            self._calls.put(None)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            call, answer, loop = item
            try:
                result, error = call(), None
            except BaseException as raised:  # noqa: BLE001  SystemExit in a handler must not end the thread silently
                result, error = None, raised
            try:
                loop.call_soon_threadsafe(self._answer, answer, result, error)
            except RuntimeError:
                return  # the loop has gone: a hard shutdown

    def _answer(self, answer: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._busy -= 1
        if answer.done():
            self.leaked -= 1  # the handler has returned after all
        elif error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error if not isinstance(error, StopIteration) else RuntimeError(repr(error)))
