"""Every form in which Spotify hands out what a listener likes, with the quirks that break naive readers."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Exports, Pipeline

ID, OTHER_ID = "4uLU6hMCjMI75M1A2tKUQC", "7ouMYWpwJ422jRcDASZB7P"


def zipped(entries: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content if isinstance(content, bytes | str) else json.dumps(content))
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["one page", "a list of pages", "the items alone", "the playlist form of 2026"])
def test_liked_songs_come_in_several_wrappings(form: str, pipeline: Pipeline, exports: type[Exports]) -> None:
    one, two = exports.liked("Hyperballad", "Björk", id=ID), exports.liked("Army of Me", "Björk", id=OTHER_ID)
    renamed = [{"added_at": item["added_at"], "item": item["track"]} for item in (one, two)]
    wrapped = {
        "one page": exports.page(one, two),
        "a list of pages": [exports.page(one, next="https://x"), exports.page(two)],
        "the items alone": [one, two],
        "the playlist form of 2026": exports.page(*renamed),
    }
    done = pipeline.ingest(pipeline.write("any name.json", wrapped[form]))
    assert pipeline.state(done) == "applied"
    assert pipeline.favourites() == {("Hyperballad", "Björk", "liked"), ("Army of Me", "Björk", "liked")}
    assert set(pipeline.rows("SELECT scheme, value FROM mesh.media_ids")) == {("spotify", ID), ("spotify", OTHER_ID)}


def test_null_tracks_local_files_and_podcast_episodes_among_liked_songs(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    page = exports.page(
        {"added_at": "2024-03-01T10:00:00Z", "track": None},
        exports.liked("Home recording", "Me", id=None, is_local=True, uri="spotify:local:Me::Home+recording:200"),
        exports.liked("Episode 1", "A podcast", id=ID, type="episode"),
        exports.liked("No artists", "", id=OTHER_ID, artists=[]),
        {"added_at": None, "track": {"id": None, "name": None, "artists": None, "album": None}},
        "a stray string",
        None,
    )
    pipeline.ingest(pipeline.write("liked.json", page))
    assert pipeline.favourites() == {("Home recording", "Me", "liked"), ("No artists", "", "liked")}
    counted = pipeline.rows("SELECT records, kept, skipped FROM mesh.syncs")
    assert counted == [(7, 2, {"left out by rule": 1, "names nothing": 4})]


def test_your_library_gives_likes_and_dislikes_and_leaves_podcasts_out(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    library = exports.library(
        tracks=[
            {"artist": "Nina Simone", "album": "Pastel Blues", "track": "Sinnerman", "uri": f"spotify:track:{ID}"},
            {"artist": "Older File", "album": "No Uri", "track": "Still Here"},
        ],
        shows=[{"name": "A podcast", "publisher": "Someone", "uri": "spotify:show:1"}],
        episodes=[{"name": "Episode", "show": "A podcast", "uri": "spotify:episode:1"}],
        bannedTracks=[{"artist": "Loud", "album": "Noise", "track": "Never Again", "uri": f"spotify:track:{OTHER_ID}"}],
        bannedArtists=[{"name": "Nobody", "uri": "spotify:artist:0a"}],
    )
    pipeline.ingest(pipeline.write("YourLibrary.json", library))
    assert pipeline.favourites() == {
        ("Sinnerman", "Nina Simone", "liked"),
        ("Still Here", "Older File", "liked"),
        ("Never Again", "Loud", "disliked"),
        ("", "Nobody", "disliked"),
    }
    assert pipeline.value("SELECT kind FROM mesh.media WHERE creator = 'Nobody'") == "artist"


def test_a_library_without_tracks_is_known_by_its_sections(pipeline: Pipeline, exports: type[Exports]) -> None:
    banned = [{"artist": "Loud", "album": "Noise", "track": "Never Again"}]
    pipeline.ingest(pipeline.write("YourLibrary.json", exports.library(bannedTracks=banned)))
    assert pipeline.favourites() == {("Never Again", "Loud", "disliked")}
    assert pipeline.taste() is None
    assert pipeline.status()[:2] == (
        "empty",
        "there are only dislikes, and they say what to avoid, not what to look for",
    )


def test_the_short_history_counts_plays_by_the_minute(pipeline: Pipeline, exports: type[Exports]) -> None:
    history = [
        exports.play("2019-01-02 06:15", "Can", "Vitamin C", 180_000),
        exports.play("2019-01-02 06:20", "Can", "Vitamin C", 60_000),
        exports.play("2019-01-02 06:25", "Unknown Artist", "Unknown Track", 1000),
    ]
    pipeline.ingest(pipeline.write("StreamingHistory0.json", history))
    assert pipeline.rows("SELECT plays, ms_played FROM mesh.favourites") == [(2, 240_000)]


def test_the_extended_history_keeps_music_only_and_nothing_private(pipeline: Pipeline, exports: type[Exports]) -> None:
    play = exports.long_play
    history = [
        play("2021-05-01T20:00:00Z", "Can", "Halleluhwah", 1_000_000, spotify_track_uri=f"spotify:track:{ID}"),
        play("2021-05-01T21:00:00Z", "Can", "Private Session", 200_000, incognito_mode=True),
        play("2021-05-01T22:00:00Z", None, None, 900_000, episode_name="E", spotify_episode_uri="spotify:episode:1"),
        play("2021-05-01T22:30:00Z", None, None, 900_000, audiobook_title="A book"),
        play(None, "Neu!", "Hallogallo", None, offline_timestamp=1_620_000_000),
        play(None, "Neu!", "Hallogallo", 5_000, offline_timestamp=1_620_000_000_123),
        play("2021-05-02T00:00:00Z", None, None, 1),
    ]
    # A broken export would leave its staging behind: look into that of one that is never applied.
    submitted = pipeline.submit(pipeline.write("Streaming_History_Audio_2021_3.json", history))
    pipeline.work()
    assert pipeline.state(submitted) == "applied"
    assert {title for title, _, _ in pipeline.favourites()} == {"Halleluhwah", "Hallogallo"}
    assert (
        pipeline.value(
            "SELECT ms_played FROM mesh.favourites f JOIN mesh.media m ON m.id = media_id WHERE title = 'Hallogallo'"
        )
        == 5_000
    )  # seconds and milliseconds name the same minute
    for table in ("staged_items", "media", "media_ids", "favourites", "plays", "history"):
        text = str(pipeline.rows(f"SELECT t::text FROM mesh.{table} AS t"))
        assert not any(private in text for private in ("someone-private", "203.0.113.77", "secret-device"))


def test_the_extended_history_replaces_the_short_one_where_both_know_a_time(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    short = [
        exports.play("2020-12-31 10:00", "Can", "Spoon", 180_000),  # before the extended history begins
        exports.play("2021-02-01 10:00", "Can", "Spoon", 170_000),
        exports.play("2021-02-01 11:00", "Can", "Only Short Knows", 180_000),
    ]
    extended = [
        exports.long_play("2021-01-01T00:00:10Z", "Can", "Moonshake", 100_000),
        exports.long_play("2021-02-01T10:00:30Z", "Can", "Spoon", 171_234),
        exports.long_play("2021-12-31T00:00:00Z", "Can", "Moonshake", 100_000),
    ]
    expected = [("Moonshake", 2, 200_000), ("Spoon", 2, 351_234)]
    query = (
        "SELECT title, plays, ms_played::integer FROM mesh.favourites f JOIN mesh.media m ON m.id = media_id "
        "WHERE user_id = %s ORDER BY 1"
    )
    for user, order in (("1", (short, extended)), ("2", (extended, short))):
        for number, history in enumerate(order):
            pipeline.ingest(pipeline.write(f"{user}{number}.json", history), user)
        assert pipeline.rows(query, user) == expected


def test_a_zip_is_read_with_all_its_known_files_and_the_zip_in_it(pipeline: Pipeline, exports: type[Exports]) -> None:
    inner = zipped(
        {"Streaming_History_Audio_2020.json": [exports.long_play("2020-01-01T00:00:00Z", "Low", "Lullaby", 9)]}
    )
    archive = zipped(
        {
            "MyData/Userdata.json": {"username": "someone", "email": "a@b.example"},
            "MyData/Follow.json": [],
            "MyData/YourLibrary.json": exports.library(tracks=[{"artist": "Low", "album": "A", "track": "Words"}]),
            "MyData/StreamingHistory_music_0.json": [exports.play("2023-01-01 00:01", "Low", "Sea", 180_000)],
            "MyData/StreamingHistory_music_1.json": [exports.play("2023-01-01 00:05", "Low", "Sea", 180_000)],
            "MyData/StreamingHistory_podcast_0.json": [
                {"endTime": "x", "podcastName": "P", "episodeName": "E", "msPlayed": 1}
            ],
            "extended.zip": inner,
            "__MACOSX/MyData/._YourLibrary.json": b"\0\5\26\7",
            "ReadMeFirst.pdf": b"%PDF-1.4",
        }
    )
    done = pipeline.ingest(pipeline.write("my_spotify_data.zip", archive))
    assert pipeline.state(done) == "applied"
    assert {title for title, _, _ in pipeline.favourites()} == {"Words", "Sea", "Lullaby"}
    assert dict(done.checked.records) == {"library_tracks": 1, "history": 2, "extended_history": 1}


def test_hostile_texts_are_cleaned_and_a_byte_order_mark_is_nothing(pipeline: Pipeline, exports: type[Exports]) -> None:
    items = [
        exports.liked("nul\u0000 inside", "\ud800 lone", id=ID),
        exports.liked("x" * 5000, "Long", isrc="us-rc1-76-07839"),
    ]
    content = b"\xef\xbb\xbf" + json.dumps(exports.page(*items)).encode()
    pipeline.ingest(pipeline.write("liked.json", content))
    titles = {title: creator for title, creator, _ in pipeline.favourites()}
    assert titles["nul inside"].endswith("lone")
    assert titles["x" * 500] == "Long"
    assert pipeline.rows("SELECT value FROM mesh.media_ids WHERE scheme = 'isrc'") == [("USRC17607839",)]


@pytest.mark.parametrize("name", ["StreamingHistory0.json", "Streaming_History_Audio_2020.json", "my liked songs.json"])
def test_an_empty_list_is_known_by_its_name(name: str, pipeline: Pipeline) -> None:
    pipeline.ingest(pipeline.write(name, []))
    assert pipeline.status() == ("empty", "there are no favourites to pool", 0)


def test_a_page_without_items_gives_no_vector_and_says_why(
    pipeline: Pipeline, exports: type[Exports], tmp_path: Path
) -> None:
    del tmp_path
    done = pipeline.ingest(pipeline.write("page.json", exports.page()))
    assert pipeline.state(done) == "applied"
    assert pipeline.taste() is None
    assert pipeline.status() == ("empty", "there are no favourites to pool", 0)
