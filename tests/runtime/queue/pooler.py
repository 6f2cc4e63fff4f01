"""A pooler in transaction mode: many clients on few connections, and each transaction of a client on another backend.

It does what pgbouncer does with `pool_mode = transaction`, and worse: where pgbouncer often hands out the same
connection again, this one never does as long as another is free. It speaks PostgreSQL's protocol as far as libpq does:
simple and extended queries, pipelines, COPY. What a session would keep is gone after each transaction, or met by
somebody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_SSL, _GSS, _CANCEL, _VERSION = 80877103, 80877104, 80877102, 196608
_LENGTH = struct.Struct("!i")
_READY_IDLE = b"Z\x00\x00\x00\x05I"
_GOODBYE = b"X\x00\x00\x00\x04"


class _Server:
    """A connection to PostgreSQL."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, greeting: list[bytes]) -> None:
        self.reader = reader
        self.writer = writer
        self.greeting = greeting


class Pooler:
    """The pool and its clients; made and used in one event loop.

    Attributes:
        switches: how often a client's transaction ran on another backend than the one before.
    """

    def __init__(self, url: str, size: int) -> None:
        parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
        self._folder = query["host"][0] if "host" in query else None
        self._address = (
            parts.hostname or "localhost",
            int(query["port"][0] if "port" in query else parts.port or 5432),
        )
        self._startup = {"user": parts.username or "postgres", "database": parts.path.removeprefix("/")}
        self._size = size
        self._idle: deque[_Server] = deque()
        self._freed = asyncio.Condition()
        self._hello = b""
        self._clients: set[asyncio.Task[None]] = set()
        self.switches = 0

    async def open(self) -> int:
        """Connect, and listen; returns the port."""
        for _ in range(self._size):
            self._idle.append(await self._connected())
        # Neither server is the client's own: it gets a process id and a key that are made up.
        self._hello = b"".join(
            b"K" + _LENGTH.pack(12) + bytes(8) if part[:1] == b"K" else part for part in self._idle[0].greeting
        )
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Leave everybody."""
        self._listener.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        for server in self._idle:
            server.writer.close()

    async def _connected(self) -> _Server:
        if self._folder:
            reader, writer = await asyncio.open_unix_connection(f"{self._folder}/.s.PGSQL.{self._address[1]}")
        else:
            reader, writer = await asyncio.open_connection(*self._address)
        pairs = b"".join(f"{key}\0{value}\0".encode() for key, value in self._startup.items()) + b"\0"
        writer.write(_LENGTH.pack(len(pairs) + 8) + _LENGTH.pack(_VERSION) + pairs)
        greeting: list[bytes] = []
        while (message := await _message(reader))[:1] != b"Z":
            assert message[:1] != b"E", message
            greeting.append(message)
        return _Server(reader, writer, greeting)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                if await self._greet(reader, writer):
                    await self._serve(reader, writer)
        finally:
            self._clients.discard(task)
            writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while True:
            size = _LENGTH.unpack(await reader.readexactly(4))[0]
            code = _LENGTH.unpack((await reader.readexactly(size - 4))[:4])[0]
            if code == _CANCEL:
                return False
            if code not in (_SSL, _GSS):
                break
            writer.write(b"N")
        writer.write(self._hello + _READY_IDLE)
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inbox: asyncio.Queue[bytes] = asyncio.Queue(64)
        pump = asyncio.create_task(_pump(reader, inbox))
        last: _Server | None = None
        try:
            while (first := await inbox.get())[:1] != b"X":  # a client that says nothing holds no connection
                server = await self._taken(last)
                self.switches += last is not None and server is not last
                last, whole = server, False
                try:
                    whole = await _transaction(first, inbox, writer, server)
                finally:
                    await self._give_back(server, whole=whole)
                if not whole:
                    return
        finally:
            pump.cancel()

    async def _taken(self, last: _Server | None) -> _Server:
        async with self._freed:
            await self._freed.wait_for(lambda: bool(self._idle))
            if self._idle[0] is last and len(self._idle) > 1:
                self._idle.rotate(-1)
            return self._idle.popleft()

    async def _give_back(self, server: _Server, *, whole: bool) -> None:
        """A client that went amid a transaction leaves nothing of it behind."""
        if not whole:
            server.writer.close()
            server = await self._connected()
        async with self._freed:
            self._idle.append(server)
            self._freed.notify()


async def _transaction(
    first: bytes, inbox: asyncio.Queue[bytes], writer: asyncio.StreamWriter, server: _Server
) -> bool:
    """Pass messages on until the server says that no transaction is open; whether it came to that."""
    asked: deque[bytes] = deque()

    async def forth() -> None:
        message = first
        while True:
            if message[:1] in b"QSF":
                asked.append(message[:1])
            server.writer.write(message)
            await server.writer.drain()
            message = await inbox.get()
            if message[:1] == b"X":
                return

    async def back() -> None:
        while True:
            message = await _message(server.reader)
            writer.write(message)
            if message[:1] == b"G" and asked[0] == b"S":
                asked.popleft()  # a server that takes COPY's data passes over the Sync, and another one follows
            if message[:1] == b"Z":
                asked.popleft()
                if message[5:] == b"I" and not asked:
                    await writer.drain()
                    return

    going, coming = asyncio.create_task(forth()), asyncio.create_task(back())
    try:
        await asyncio.wait([going, coming], return_when=asyncio.FIRST_COMPLETED)
        return coming.done() and coming.exception() is None
    finally:
        for task in (going, coming):
            task.cancel()
        await asyncio.gather(going, coming, return_exceptions=True)


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(_LENGTH.unpack(head[1:])[0] - 4)


async def _pump(reader: asyncio.StreamReader, inbox: asyncio.Queue[bytes]) -> None:
    """Read a client's messages whole, whoever waits for them; at its end, as if it had said goodbye."""
    try:
        while True:
            await inbox.put(await _message(reader))
    except (asyncio.IncompleteReadError, ConnectionError):
        await inbox.put(_GOODBYE)


@contextmanager
def pooled(url: str, size: int = 3) -> Iterator[tuple[str, Pooler]]:
    """A URL that leads to the same database through a pooler with so many connections; and the pooler."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="pooler", daemon=True)
    thread.start()
    made = asyncio.run_coroutine_threadsafe(_opened(url, size), loop).result()
    pooler, port = made
    parts = urlsplit(url)
    try:
        query = urlencode({"host": "127.0.0.1", "port": port})
        yield parts._replace(query=query, netloc=f"{parts.username or 'postgres'}@").geturl(), pooler
    finally:
        asyncio.run_coroutine_threadsafe(pooler.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _opened(url: str, size: int) -> tuple[Pooler, int]:
    pooler = Pooler(url, size)
    return pooler, await pooler.open()
