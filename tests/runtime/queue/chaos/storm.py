"""What goes wrong: workers are killed and frozen, connections dropped, the server stopped at once and started again."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from mesh_runtime.database import DatabaseUnreachableError, connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.queue.chaos.workers import Workers

    from mesh_runtime.database import EmbeddedServer

_DROP = """
SELECT pg_terminate_backend(pid) FROM (
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    ORDER BY random() LIMIT 2) AS victims
"""
_LOST = """
SELECT token, array_agg(job_id) FROM (
    SELECT token, job_id FROM chaos.leases WHERE NOT entered ORDER BY seq DESC LIMIT 200) AS gone
GROUP BY token
"""
_GHOST = "SELECT mesh.complete_jobs(%(token)s, %(ids)s), mesh.release_jobs(%(token)s, %(ids)s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """How often what goes wrong, in seconds."""

    kill: float = 1.0
    drop: float = 1.5
    ghost: float = 0.5
    freeze: float = 6.0
    restart: float = 9.0


class Server:
    """An embedded server that can be stopped at once, as if the machine had lost power, and started again."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._watched, self._held = os.pipe()
        self.url = server.start(watch=self._watched)

    def restart(self) -> None:
        """Stop in immediate mode: no session is asked, nothing is written; the next start reads the log."""
        pid = self._server.status().pid
        if pid is not None:
            os.kill(pid, signal.SIGQUIT)
            while self._server.status().running:
                time.sleep(0.02)
        assert self._server.start(watch=self._watched) == self.url

    def close(self) -> None:
        """Stop it for good."""
        os.close(self._held)
        os.close(self._watched)
        self._server.stop()


class Storm(threading.Thread):
    """Does all that, one thing after the other, until it is stopped; then thaws what is frozen."""

    def __init__(self, server: Server, url: str, workers: Workers, *, every: Every, lease: float, seed: int) -> None:
        super().__init__(name="storm", daemon=True)
        self.stopping = threading.Event()
        self.happened: Counter[str] = Counter()
        self.accepted_from_ghosts = 0
        self.error: BaseException | None = None
        self._server = server
        self._url = url
        self._workers = workers
        self._every = every
        self._lease = lease
        self._random = random.Random(seed)
        self._frozen: dict[int, float] = {}

    def run(self) -> None:
        """Let things go wrong."""
        try:
            self._blow()
        except BaseException as error:  # noqa: BLE001  raised again by who waits for the thread
            self.error = error
        finally:
            for pid in self._frozen:
                self._workers.send(pid, signal.SIGCONT)

    def _blow(self) -> None:
        deeds: dict[str, Callable[[], bool]] = {
            "kill": self._kill,
            "drop": self._drop,
            "ghost": self._haunt,
            "freeze": self._freeze,
            "restart": self._restart,
        }
        due = {name: time.monotonic() + getattr(self._every, name) for name in deeds}
        while not self.stopping.wait(0.05):
            self._workers.replace()
            self._thaw()
            for name, deed in deeds.items():
                if time.monotonic() >= due[name]:
                    self.happened[name] += deed()
                    due[name] = time.monotonic() + getattr(self._every, name)

    def _kill(self) -> bool:
        pids = [pid for pid in self._workers.pids if pid not in self._frozen]
        if pids:
            self._workers.send(self._random.choice(pids), signal.SIGKILL)
        return bool(pids)

    def _freeze(self) -> bool:
        pids = [pid for pid in self._workers.pids if pid not in self._frozen]
        if pids:
            pid = self._random.choice(pids)
            self._workers.send(pid, signal.SIGSTOP)
            self._frozen[pid] = time.monotonic() + self._lease * 1.7  # until others have its jobs
        return bool(pids)

    def _thaw(self) -> None:
        for pid, until in list(self._frozen.items()):
            if time.monotonic() > until:
                self._workers.send(pid, signal.SIGCONT)
                del self._frozen[pid]
                self.happened["thaw"] += 1

    def _drop(self) -> bool:
        with suppress(psycopg.Error, DatabaseUnreachableError), connect(self._url, autocommit=True) as connection:
            connection.execute(_DROP)
            return True
        return False

    def _haunt(self) -> bool:
        """Somebody comes back with the tokens of leases that jobs have left, and says that they are done."""
        with suppress(psycopg.Error, DatabaseUnreachableError), connect(self._url, autocommit=True) as connection:
            # A frozen worker may hold the row in an open transaction, and it is this thread that thaws it.
            connection.execute("SET lock_timeout = '200ms'")
            for token, ids in connection.execute(_LOST).fetchall():
                with suppress(psycopg.Error):
                    self.accepted_from_ghosts += sum(
                        connection.execute(_GHOST, {"token": token, "ids": ids}).fetchone() or ()
                    )
            return True
        return False

    def _restart(self) -> bool:
        self._server.restart()
        return True
