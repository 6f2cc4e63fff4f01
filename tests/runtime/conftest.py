"""What the pipeline's tests share: ingest a file through real jobs, and look at what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mesh_runtime.ingest import jobs as ingest_jobs
from mesh_runtime.ingest import submit
from mesh_runtime.media import jobs as media_jobs
from mesh_runtime.queue import Worker, by_type
from mesh_runtime.taste import jobs as taste_jobs

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg
    from numpy.typing import NDArray

    from mesh_runtime.ingest import Submitted
    from mesh_runtime.settings import Settings

HANDLERS = by_type((*ingest_jobs.HANDLERS, *media_jobs.HANDLERS, *taste_jobs.HANDLERS))


@dataclass(frozen=True)
class Pipeline:
    """A project's pipeline, driven by a worker in this process."""

    settings: Settings
    connection: psycopg.Connection[Any]
    folder: Path

    def write(self, name: str, content: Any) -> Path:
        """A file in the test's folder: bytes and text as they are, anything else as JSON."""
        path = self.folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def submit(self, path: Path, user_id: str | int = 1) -> Submitted:
        submitted = submit(self.settings, self.connection, "spotify", path, user_id)
        self.connection.commit()
        return submitted

    def work(self) -> None:
        """Run every job that may run now."""
        Worker(self.settings, HANDLERS).run_until_empty()

    def ingest(self, path: Path, user_id: str | int = 1) -> Submitted:
        submitted = self.submit(path, user_id)
        self.work()
        return submitted

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self.connection.transaction():
            return self.connection.execute(query, values).fetchall()

    def value(self, query: str, *values: object) -> Any:
        return self.rows(query, *values)[0][0]

    def state(self, submitted: Submitted) -> str:
        return str(self.value("SELECT state FROM mesh.syncs WHERE id = %s", submitted.sync_id))

    def favourites(self, user_id: str = "1") -> set[tuple[str, str, str]]:
        """Title, creator and signal of everything the user has an opinion of."""
        return set(
            self.rows(
                "SELECT m.title, m.creator, f.signal FROM mesh.favourites f JOIN mesh.media m ON m.id = f.media_id "
                "WHERE f.user_id = %s",
                user_id,
            )
        )

    def taste(self, user_id: str = "1") -> NDArray[np.float64] | None:
        found = self.rows("SELECT taste::text FROM mesh.user_taste_vectors WHERE user_id = %s", user_id)
        return np.array(json.loads(found[0][0])) if found else None

    def status(self, user_id: str = "1") -> tuple[Any, ...]:
        return self.rows("SELECT state, reason, media FROM mesh.user_tastes WHERE user_id = %s", user_id)[0]


@pytest.fixture
def pipeline(settings: Settings, connection: psycopg.Connection[Any], tmp_path: Path) -> Pipeline:
    folder = tmp_path / "files"
    folder.mkdir()
    return Pipeline(settings, connection, folder)


class Exports:
    """Builders of what Spotify hands out; every value is made up."""

    @staticmethod
    def liked(title: str | None, artist: str, *, id: str | None = None, isrc: str | None = None, **track: Any) -> Any:  # noqa: A002  Spotify's word
        """An item of a liked-songs page."""
        external = {"isrc": isrc} if isrc else {}
        own = {"id": id, "name": title, "artists": [{"id": None, "name": artist}], "album": {"id": None, "name": "LP"}}
        whole = own | {"external_ids": external, "type": "track", "is_local": False} | track
        return {"added_at": "2024-03-01T10:00:00Z", "track": whole}

    @staticmethod
    def page(*items: Any, next: str | None = None) -> dict[str, Any]:  # noqa: A002  Spotify's word
        """A liked-songs page."""
        tail = {"limit": 50, "next": next, "offset": 0, "previous": None, "total": len(items)}
        return {"href": "https://api.example/me/tracks", "items": list(items)} | tail

    @staticmethod
    def play(end: str, artist: str, track: str, ms: int) -> dict[str, Any]:
        """An entry of a short streaming history."""
        return {"endTime": end, "artistName": artist, "trackName": track, "msPlayed": ms}

    @staticmethod
    def long_play(ts: str | None, artist: str | None, track: str | None, ms: int | None, **own: Any) -> dict[str, Any]:
        """An entry of an extended streaming history, with everything that must not be kept."""
        entry = {
            "ts": ts,
            "username": "someone-private",
            "platform": "secret-device",
            "ms_played": ms,
            "conn_country": "AT",
            "ip_addr_decrypted": "203.0.113.77",
            "user_agent_decrypted": "unknown",
            "master_metadata_track_name": track,
            "master_metadata_album_artist_name": artist,
            "master_metadata_album_album_name": "LP" if track else None,
            "spotify_track_uri": None,
            "episode_name": None,
            "episode_show_name": None,
            "spotify_episode_uri": None,
            "reason_start": "clickrow",
            "reason_end": "trackdone",
            "shuffle": None,
            "skipped": None,
            "offline": False,
            "offline_timestamp": None,
            "incognito_mode": False,
        }
        return entry | own

    @staticmethod
    def library(**sections: Any) -> dict[str, Any]:
        """A YourLibrary.json."""
        names = ("tracks", "albums", "shows", "episodes", "bannedTracks", "artists", "bannedArtists", "other")
        return {name: sections.get(name, []) for name in names}


@pytest.fixture
def exports() -> type[Exports]:
    return Exports
