"""The outbox handler of docs/queue-limits.md, as it stands there: with a broker in memory, and with a real one."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import shutil
import socket
import subprocess
import sys
import types
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.queue.conftest import eventually

from mesh_runtime.queue import Handler, enqueue
from mesh_runtime.testing import Jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from mesh_runtime.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "queue-limits.md"


class Broker:
    """What the handler asks of NATS, in memory: it stores messages, and drops those whose id it knows."""

    def __init__(self) -> None:
        self.messages: dict[str, bytes] = {}
        self.away = False
        self.dies_after_storing = False

    async def connect(self, url: str, **options: object) -> Broker:
        assert url.startswith("nats://")
        assert options["allow_reconnect"] is False
        if self.away:
            raise ConnectionError("nats: no servers available for connection")
        return self

    def jetstream(self) -> Broker:
        return self

    async def publish(self, subject: str, data: bytes, *, timeout: float, headers: dict[str, str]) -> Any:
        assert subject == "jobs.render_video"
        assert timeout < 30
        known = headers["Nats-Msg-Id"] in self.messages
        self.messages.setdefault(headers["Nats-Msg-Id"], data)
        if self.dies_after_storing:
            raise TimeoutError("nats: timeout")
        return types.SimpleNamespace(stream="JOBS", seq=len(self.messages), duplicate=known)

    async def close(self) -> None:
        pass


def handler() -> Handler:
    """The code of the page."""
    (code,) = re.findall(r"```python\n(# plugins/render_outbox/main\.py\n.*?)```", PAGE.read_text(), re.DOTALL)
    module = types.ModuleType("render_outbox")
    exec(compile(code, str(PAGE), "exec"), module.__dict__)  # pydantic looks for names in the module
    found = module.__dict__["hand_over"]
    assert isinstance(found, Handler)
    return found


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    module = types.ModuleType("nats")
    module.connect = made.connect  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "nats", module)
    monkeypatch.setenv("NATS_URL", "nats://broker")
    return made


@pytest.fixture
def queue(settings: Settings, connection: psycopg.Connection[Any], broker: Broker) -> Jobs:
    del broker  # is what the handler imports
    return Jobs(settings, connection, [handler()])


def test_a_job_ends_once_the_broker_has_its_message(
    queue: Jobs, connection: psycopg.Connection[Any], broker: Broker
) -> None:
    first = enqueue(connection, "render_video", {"video_id": 7})
    assert broker.messages == {}, "nothing is told before the commit"
    assert queue.drain().completed == 1
    assert broker.messages == {str(first): b'{"video_id":7}'}


def test_a_message_exists_only_if_the_change_does(
    queue: Jobs, connection: psycopg.Connection[Any], broker: Broker
) -> None:
    enqueue(connection, "render_video", {"video_id": 7})
    connection.rollback()
    assert queue.drain().completed == 0
    assert broker.messages == {}


def test_a_broker_that_is_away_fails_the_attempt(queue: Jobs, broker: Broker) -> None:
    broker.away = True
    with pytest.raises(ConnectionError):
        queue.run("render_video", {"video_id": 7}, max_attempts=20)
    assert queue.assert_enqueued("render_video").state == "scheduled"


def test_a_message_whose_answer_was_lost_is_told_again_under_the_same_id(
    queue: Jobs, connection: psycopg.Connection[Any], broker: Broker
) -> None:
    broker.dies_after_storing = True
    with pytest.raises(TimeoutError):
        queue.run("render_video", {"video_id": 7})
    broker.dies_after_storing = False
    connection.execute("SELECT mesh.retry_jobs(ARRAY(SELECT id FROM mesh.jobs))")
    assert queue.drain().completed == 1
    assert len(broker.messages) == 1
    assert connection.execute("SELECT result -> 'duplicate' FROM mesh.history").fetchone() == (True,)


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def nats_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real broker with the stream of the page."""
    program = os.environ.get("NATS_SERVER") or shutil.which("nats-server")
    if program is None or importlib.util.find_spec("nats") is None:
        pytest.skip("nats-server (or NATS_SERVER) and nats-py are not here")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([program, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(tmp_path)]) as server:
        eventually(lambda: listens(port))
        monkeypatch.setenv("NATS_URL", f"nats://127.0.0.1:{port}")
        asyncio.run(_with_stream(os.environ["NATS_URL"], None))
        yield os.environ["NATS_URL"]
        server.terminate()


async def _with_stream(url: str, sequence: int | None) -> Any:
    """Make the stream, or return one of its messages."""
    import nats

    client = await nats.connect(url)
    try:
        if sequence is None:
            return await client.jetstream().add_stream(name="JOBS", subjects=["jobs.>"], duplicate_window=86400)
        return await client.jetstream().get_msg("JOBS", sequence)
    finally:
        await client.close()


def test_a_real_broker_stores_each_job_once(
    settings: Settings, connection: psycopg.Connection[Any], nats_url: str
) -> None:
    queue = Jobs(settings, connection, [handler()])
    for number in range(20):
        enqueue(connection, "render_video", {"video_id": number})
    assert queue.drain().completed == 20
    first = connection.execute("SELECT id, result -> 'sequence' FROM mesh.history ORDER BY id LIMIT 1").fetchone()
    assert first is not None
    message = asyncio.run(_with_stream(nats_url, first[1]))
    assert message.headers["Nats-Msg-Id"] == str(first[0])
    # As if the worker had died after the broker's answer: the same job once more.
    connection.execute("DELETE FROM mesh.history WHERE id = %s", (first[0],))
    enqueue(connection, "render_video", {"video_id": 0}, id=first[0])
    assert queue.drain().completed == 1
    again = connection.execute("SELECT result FROM mesh.history WHERE id = %s", (first[0],)).fetchone()
    assert again == ({"stream": "JOBS", "sequence": first[1], "duplicate": True},)
