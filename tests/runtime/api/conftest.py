"""A host's app with the queue's endpoints, served by uvicorn on a real port."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from mesh_runtime.api import queue_router
from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from mesh_runtime.settings import Settings

CRON, ADMIN = "cron-secret-ü", "admin-secret"


@dataclass(frozen=True)
class Host:
    """A running server."""

    url: str

    def ask(self, path: str, secret: str | None = None, *, method: str = "GET", **options: Any) -> httpx.Response:
        headers = [] if secret is None else [(b"Authorization", f"Bearer {secret}".encode())]
        return httpx.request(method, self.url + path, headers=headers, timeout=30, **options)

    def send(self, path: str, *authorizations: bytes) -> httpx.Response:
        """Headers that httpx would not send."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        with closing(connection):
            connection.putrequest("GET", path)
            for value in authorizations:
                connection.putheader("Authorization", value)
            connection.endheaders()
            answer = connection.getresponse()
            return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


@contextmanager
def served(settings: Settings) -> Iterator[Host]:
    app = FastAPI()
    app.include_router(queue_router(settings))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Host(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def serve(settings: Settings) -> Callable[..., Any]:
    """Serves the test's project with these settings changed."""

    def start(**changes: Any) -> Any:
        return served(replace(settings, **changes))

    return start


@pytest.fixture
def host(settings: Settings) -> Iterator[Host]:
    with served(replace(settings, cron_secret=CRON, admin_secret=ADMIN)) as running:
        yield running


@pytest.fixture
def auto(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url, autocommit=True) as opened:
        yield opened
