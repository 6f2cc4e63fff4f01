"""Items become canonical media: by id, by name, and as provisional media; whoever comes first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_runtime.ingest.normalise import KEY_LENGTH, creator_key, folded, title_key

if TYPE_CHECKING:
    from conftest import Exports, Pipeline


def test_two_users_with_one_song_share_its_medium_whatever_their_form(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    pipeline.ingest(pipeline.write("a.json", exports.page(exports.liked("Hyperballad", "Björk", id="a1"))), 1)
    pipeline.ingest(pipeline.write("b.json", [exports.play("2020-01-01 10:00", "bjork", "HYPERBALLAD!", 1)]), 2)
    assert pipeline.value("SELECT count(*) FROM mesh.media") == 1
    assert pipeline.value("SELECT count(DISTINCT media_id) FROM mesh.favourites") == 1


def test_an_isrc_names_one_recording_under_many_ids_and_titles(pipeline: Pipeline, exports: type[Exports]) -> None:
    page = exports.page(
        exports.liked("Song", "Band", id="a1", isrc="USRC17607839"),
        exports.liked("Song (Deluxe Edition)", "Band", id="a2", isrc="USRC17607839"),
        exports.liked("Song - Live", "Band", id="a3", isrc="USRC17607840"),
    )
    pipeline.ingest(pipeline.write("liked.json", page))
    media = dict(pipeline.rows("SELECT value, media_id FROM mesh.media_ids WHERE scheme = 'spotify'"))
    assert media["a1"] == media["a2"] != media["a3"]


def chained(exports: type[Exports], first: int, last: int) -> list[Any]:
    """Songs each of which shares an id with the one before: the service's own and the ISRC in turn."""
    return [
        exports.liked(f"Title {n}", "Band", id=f"id{n // 2}", isrc=f"USRC1760{(n + 1) // 2:04}")
        for n in range(first, last)
    ]


@pytest.mark.parametrize("length", [3, 200])
def test_a_chain_of_shared_ids_is_one_medium(pipeline: Pipeline, exports: type[Exports], length: int) -> None:
    pipeline.ingest(pipeline.write("liked.json", exports.page(*chained(exports, 0, length))))
    assert pipeline.value("SELECT count(*) FROM mesh.staged_items") == 0
    assert pipeline.value("SELECT count(*) FROM mesh.media") == 1
    assert pipeline.value("SELECT count(*) FROM mesh.favourites") == 1
    assert pipeline.value("SELECT count(*) FROM mesh.media_ids WHERE scheme = 'spotify'") == (length + 1) // 2


def test_a_chain_that_begins_with_a_known_medium_is_that_medium(pipeline: Pipeline, exports: type[Exports]) -> None:
    pipeline.ingest(pipeline.write("a.json", exports.page(*chained(exports, 7, 8))), 1)
    pipeline.ingest(pipeline.write("b.json", exports.page(*chained(exports, 0, 16))), 2)
    assert pipeline.value("SELECT count(*) FROM mesh.media") == 1
    assert pipeline.value("SELECT count(DISTINCT media_id) FROM mesh.favourites") == 1


def test_no_medium_is_made_once_an_id_is_added_so_that_syncs_wait_in_one_direction_only(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    pipeline.connection.execute(
        "CREATE TABLE added (n serial, what text);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO added (what) VALUES (TG_TABLE_NAME); RETURN NULL; END $$;"
        "CREATE TRIGGER note AFTER INSERT ON mesh.media FOR EACH STATEMENT EXECUTE FUNCTION note();"
        "CREATE TRIGGER note AFTER INSERT ON mesh.media_ids FOR EACH STATEMENT EXECUTE FUNCTION note()"
    )
    pipeline.connection.commit()
    pipeline.ingest(pipeline.write("a.json", exports.page(*chained(exports, 0, 5))))
    assert pipeline.rows("SELECT what FROM added ORDER BY n") == [("media",), ("media_ids",)]


def test_a_merged_medium_is_followed_to_the_one_it_was_merged_into(pipeline: Pipeline, exports: type[Exports]) -> None:
    page = exports.page(exports.liked("Old Name", "Band", id="a1"), exports.liked("New Name", "Band", id="a2"))
    pipeline.ingest(pipeline.write("liked.json", page), 1)
    kept = pipeline.value("SELECT id FROM mesh.media WHERE title = 'New Name'")
    pipeline.connection.execute("UPDATE mesh.media SET merged_into = %s WHERE title = 'Old Name'", [kept])
    pipeline.connection.commit()
    pipeline.ingest(pipeline.write("again.json", exports.page(exports.liked("Old Name", "Band", id="a1"))), 2)
    assert pipeline.rows("SELECT media_id FROM mesh.favourites WHERE user_id = '2'") == [(kept,)]


def test_files_without_a_creator_match_only_within_their_album(pipeline: Pipeline, exports: type[Exports]) -> None:
    page = exports.page(
        exports.liked("Intro", "", album={"name": "One"}),
        exports.liked("Intro", "", album={"name": "Two"}),
        exports.liked("Intro", "", album={"name": "Two"}),
    )
    pipeline.ingest(pipeline.write("liked.json", page))
    assert pipeline.value("SELECT count(*) FROM mesh.media") == 2


def test_an_id_without_a_title_is_a_medium_too(pipeline: Pipeline, exports: type[Exports]) -> None:
    nameless = exports.page(exports.liked(None, "", id="a1", artists=[]))
    for user in (1, 2):
        pipeline.ingest(pipeline.write(f"{user}.json", nameless), user)
    assert pipeline.value("SELECT count(*) FROM mesh.media") == 1
    assert pipeline.taste("1") is not None


def test_syncs_that_run_at_once_neither_deadlock_nor_make_media_twice(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    songs = [exports.liked(f"Song {n}", f"Band {n % 7}", id=f"id{n}", isrc=f"USRC1760{n:04}") for n in range(300)]
    for user in range(1, 9):
        rotated = songs[user * 31 :] + songs[: user * 31]
        pipeline.submit(pipeline.write(f"{user}.json", exports.page(*rotated)), user)
    workers = [threading.Thread(target=pipeline.work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert pipeline.value("SELECT count(*) FROM mesh.media") == 300
    assert pipeline.value("SELECT count(*) FROM mesh.user_tastes WHERE state = 'ready'") == 8
    assert pipeline.value("SELECT count(*) FROM mesh.history WHERE errors IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Time After Time (feat. Someone)", "time after time"),
        ("Heroes - 2017 Remaster", "Heroes"),
        ("Heroes (Remastered 2011)", "heroes"),
        ("Don\u2019t Stop", "Dont Stop"),
        ("Ágætis byrjun", "Agaetis Byrjun".replace("ae", "\u00e6")),
        ("\uff26ull\uff0dwidth", "Full-width"),
    ],
)
def test_spellings_of_one_title_have_one_key(left: str, right: str) -> None:
    assert title_key(left) == title_key(right)


@pytest.mark.parametrize(
    ("left", "right"), [("÷", "="), ("!!!", "???"), ("夜に駆ける", "群青"), ("Song", "Song - Live"), ("Часы", "Дни")]
)
def test_different_titles_keep_different_keys_in_every_script(left: str, right: str) -> None:
    assert title_key(left) != title_key(right)


@given(st.text(max_size=400))
def test_keys_are_stable_bounded_and_never_empty_for_what_can_be_seen(text: str) -> None:
    key = folded(text)
    assert len(key) <= KEY_LENGTH
    assert folded(text.strip()) == key or not text.isascii()
    assert key or not text.strip()
    assert creator_key("", text) != creator_key("x", text)
