"""What is wrong with a file is said with its place and what to do, before anything is stored."""

from __future__ import annotations

import io
import json
import re
import time
import tracemalloc
import zipfile
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mesh_descriptors.connector import ConnectorManifest
from mesh_runtime.errors import Permanent
from mesh_runtime.ingest.connectors import find_connector
from mesh_runtime.ingest.errors import (
    LimitExceededError,
    UnknownConnectorError,
    UnreadableExportError,
    UserIdError,
)
from mesh_runtime.ingest.export import Export, Tally
from mesh_runtime.ingest.items import ItemReader
from mesh_runtime.ingest.limits import GuardedJson, Limits
from mesh_runtime.ingest.storage import StorageError, raw_storage
from mesh_runtime.ingest.users import parse_user_id

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Exports, Pipeline

LIMITS = Limits(
    expanded_bytes=5 * 2**30, expansion_ratio=200, zip_entries=1000, zip_depth=2, item_bytes=2**20, nesting=64
)
PLAY = '{"endTime":"2020-01-01 10:00","artistName":"A","trackName":"T","msPlayed":1}'


def zipped(entries: dict[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def spotify() -> ConnectorManifest:
    """The manifest that mesh ships, read without a database."""
    from mesh_descriptors.documents import read_toml
    from mesh_runtime.plugins import first_party_folder

    folder = first_party_folder()
    assert folder is not None
    return read_toml(folder / "spotify" / "connector.toml", ConnectorManifest)


def refused(manifest: ConnectorManifest, content: bytes | str, name: str = "export.json", **limits: Any) -> Permanent:
    data = content if isinstance(content, bytes) else content.encode()
    export = Export(manifest, io.BytesIO(data), name, replace(LIMITS, **limits))
    with pytest.raises(Permanent) as caught:
        list(export.items(Tally()))
    return caught.value


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (f'[\n{PLAY},\n{PLAY},\n{{"endTi', "export.json:4:8", "the JSON ends in the middle"),
        (f"[{PLAY},]", "export.json:1:79", "is not JSON from byte 78 on: unallowed token"),
        (f"[\n{PLAY}\n{PLAY}\n]", "export.json:3:1", "after array element"),
        (f"[{PLAY}] more", "export.json:1:80", "is not JSON from byte 79 on"),
        (f"[{PLAY},\n\xff]".encode("latin-1"), "export.json:2:1", "is not JSON"),
        (f"\ufeff[{PLAY},]", "export.json:1:79", "is not JSON from byte 81 on: unallowed token"),
        (f"[{PLAY},\n{2**64}]", "export.json:2:21", "holds a number too large to read, before byte 99"),
        (f"[{PLAY},1e999]", "export.json:1:84", "holds a number too large to read"),
        ("5", "export.json:1:1", "holds no JSON object or list"),
        ("hello", "export.json:1:1", "holds no JSON object or list"),
        ("<html><body>Sign in</body></html>", "export.json:1:1", "holds no JSON object or list"),
        ("", "export.json", "the file is empty"),
        ("   \n ", "export.json:1:1", "holds no JSON object or list"),
        ('{"some": "thing"}', "export.json", "is JSON, but no Spotify export that is known"),
        ("[]", "export.json", "is JSON, but no Spotify export that is known"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "export.json", "is a gzip archive"),
        ('{"data":[{"attributes":{"artistName":"A","name":"N"}}]}', "export.json", "an Apple Music API page"),
        ('[{"Title":"T","Track Identifier":1}]', "export.json", "Apple Music's library export"),
        ("Item Description,Preference,Created\n", "export.json", "Apple Music's likes and dislikes"),
        ('{"lovedtracks":{"track":[{"name":"N"}]}}', "export.json", "Last.fm's loved tracks"),
        ('{"lovedtracks":{"track":{"name":"N"}}}', "export.json", "Last.fm's loved tracks"),
        ("\ufeffVideo ID,Song Title,Album Title,Artist Name 1\n", "export.json", "YouTube Music's library"),
        ("Date,Name,Year,Letterboxd URI\n", "export.json", "Letterboxd"),
        ('{"username":"u","email":"e","country":"AT"}', "export.json", "but none of its music"),
        (zipped({"a": "x"}).replace(b"a", b"\0"), "export.json", "holds no file that Spotify exports are known by"),
        (zipped({"a.txt": "x"}), "export.json", "holds no file that Spotify exports are known by"),
        (zipped({}), "export.json", "holds no file that Spotify exports are known by"),
        (zipped({"x.json": f"[{PLAY}]"})[:-30], "export.json", "the zip archive is damaged"),
        (b"PK\x03\x04 and nothing more", "export.json", "the zip archive is damaged"),
        (zipped({"a/StreamingHistory0.json": f"[{PLAY},"}), "export.json!a/StreamingHistory0.json:1:79", "ends in"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what_to_do(
    spotify: ConnectorManifest, content: bytes | str, place: str, message: str
) -> None:
    error = refused(spotify, content)
    assert isinstance(error, UnreadableExportError)
    assert str(error.problems[0].place) == place
    assert message in error.problems[0].message
    assert error.problems[0].remedy
    assert error.exit_code == 2


def test_a_bad_byte_in_a_zip_entry_and_an_encrypted_zip_are_told_apart(spotify: ConnectorManifest) -> None:
    stored = bytearray(zipped({"StreamingHistory0.json": f"[{PLAY}]"}, zipfile.ZIP_STORED))
    stored[stored.index(b"artistName") + 20] ^= 1
    assert "is damaged: Bad CRC-32" in str(refused(spotify, bytes(stored), "x.zip"))
    locked = bytearray(zipped({"StreamingHistory0.json": f"[{PLAY}]"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(signature) + offset] |= 1
    assert "is encrypted" in str(refused(spotify, bytes(locked), "x.zip"))


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_any_byte_of_an_archive_may_be_wrong(
    spotify: ConnectorManifest, tmp_path_factory: Any, at: int, byte: int
) -> None:
    content = bytearray(zipped({"StreamingHistory0.json": f"[{PLAY}]", "my.zip": zipped({"a.json": "[]"})}))
    content[at % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / "wrong.zip"
    path.write_bytes(content)
    with path.open("rb") as file, suppress(Permanent):
        list(Export(spotify, file, "x.zip", LIMITS).items(Tally()))


LONG = f'[{PLAY},{{"endTime":"x","artistName":"{"a" * 5000}","trackName":"T","msPlayed":1}}]'
NESTED = f'[{PLAY},{{"endTime":{"[" * 80}{"]" * 80}}}]'


@pytest.mark.parametrize(
    ("content", "limits", "setting", "message"),
    [
        (zipped({"StreamingHistory0.json": "[" + " " * 10**6 + "]"}), {}, "MESH_LIMIT_RATIO", "the limit is 200 times"),
        (
            zipped({f"{n}.txt": "" for n in range(30)}),
            {"zip_entries": 20},
            "MESH_LIMIT_ZIP_ENTRIES",
            "30, the limit is 20",
        ),
        (zipped({"a.zip": zipped({"b.zip": zipped({"c.zip": zipped({})})})}), {}, "MESH_LIMIT_ZIP_DEPTH", "3 deep"),
        (zipped({"a.json": "x" * 900}), {"expanded_bytes": 800}, "MESH_LIMIT_EXPANDED", "900 bytes, the limit is 800"),
        (f"[{PLAY}]", {"expanded_bytes": 50}, "MESH_LIMIT_EXPANDED", "the file is too large"),
        (LONG, {"item_bytes": 4000}, "MESH_LIMIT_ITEM", "one item is too large"),
        (f"[{PLAY},1.{'1' * 5000}]", {"item_bytes": 4000}, "MESH_LIMIT_ITEM", "one item is too large"),
        (NESTED, {}, "MESH_LIMIT_NESTING", "over 64 levels"),
        ("[" * 100_000, {}, "MESH_LIMIT_NESTING", "over 64 levels"),
    ],
)
def test_a_breach_names_the_limit_and_its_setting(
    spotify: ConnectorManifest, content: bytes | str, limits: dict[str, int], setting: str, message: str
) -> None:
    error = refused(spotify, content, **limits)
    assert isinstance(error, LimitExceededError)
    assert message in error.problems[0].message
    assert setting in str(error.problems[0].remedy)


def test_endless_names_take_no_memory_while_a_file_is_recognised(spotify: ConnectorManifest) -> None:
    strange = [{"k" * 20_000: {str(n): 1 for n in range(3_000)}}, {str(n): {"k": 1} for n in range(9_000)}]
    tracemalloc.start()
    for content in strange:
        assert "no Spotify export that is known" in str(refused(spotify, json.dumps(content)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 2**20


def test_a_bad_byte_in_a_very_long_text_is_found_at_once(spotify: ConnectorManifest) -> None:
    start = time.process_time()
    error = refused(spotify, f'[{PLAY},\n{{"artistName":"{"a" * 900_000}\1"}}]')
    assert str(error.problems[0].place) == "export.json:2:900016"
    assert time.process_time() - start < 10


def test_an_archive_whose_directory_is_endless_is_refused_before_it_is_read(spotify: ConnectorManifest) -> None:
    archive = zipped({f"{n:0200}.txt": "" for n in range(500)}, zipfile.ZIP_STORED)
    assert "a directory of 1" in str(refused(spotify, archive, zip_entries=10))


def test_brackets_and_quotes_inside_strings_are_no_structure(spotify: ConnectorManifest) -> None:
    tricky = [{"endTime": "2020-01-01 10:00", "artistName": '[{"' * 99, "trackName": '\\"[' * 99 + "\\", "msPlayed": 1}]
    export = Export(spotify, io.BytesIO(json.dumps(tricky * 50).encode()), "x.json", LIMITS)
    assert len(list(export.items(Tally()))) == 50


values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from(['\\"', "[{", "}]", '\\\\"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0


@given(values, st.integers(1, 7))
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
def test_the_guard_measures_depth_however_the_bytes_are_cut(value: Any, size: int) -> None:
    content, deep = json.dumps(value).encode(), depth(value)

    def read_all(nesting: int) -> bytes:
        guarded = GuardedJson(io.BytesIO(content), "x", replace(LIMITS, nesting=nesting))
        return b"".join(iter(lambda: guarded.read(size), b""))

    assert read_all(max(deep, 1)) == content
    if deep > 1:
        with pytest.raises(LimitExceededError):
            read_all(deep - 1)


def test_no_record_however_strange_stops_the_reading(spotify: ConnectorManifest) -> None:
    names = "track item artists album name id external_ids isrc added_at type ts ms_played uri"
    keys = st.sampled_from(re.findall(r"\w+", names))
    texts = st.text(st.characters(exclude_categories=[]), max_size=5) | st.just("US-RC1-76-07839")
    leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | texts
    trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=4))

    @given(trees)
    def reads(record: Any) -> None:
        for form in spotify.files:
            item = ItemReader(form, "spotify").read(record)
            for text in () if item is None else (*item.ids, *item[2:8]):
                assert "\0" not in text
                assert len(text.encode("utf-8")) <= 2_100  # what PostgreSQL's indexes take

    reads()


NUMBERS = ["0", "-1", "1.5", "9223372036854775808", "٣", "0x1", "01", "+7", " 7", "7 ", "7\n", "1 2", "1; DROP"]


@pytest.mark.parametrize("text", [*NUMBERS, "", "abc", "g" * 36])
def test_what_is_no_user_id_is_refused(text: str) -> None:
    with pytest.raises(UserIdError, match="is not a user id"):
        parse_user_id(text)


def test_user_ids_have_one_canonical_form() -> None:
    assert parse_user_id("7") == parse_user_id(7) == "7"
    assert parse_user_id("9223372036854775807") == "9223372036854775807"
    uuid = "0190F3A1-7C2E-7000-8000-00000000ABCD"
    assert parse_user_id(uuid) == parse_user_id(uuid.replace("-", "")) == uuid.lower()


def test_an_unknown_connector_is_told_what_there_is(pipeline: Pipeline) -> None:
    with pytest.raises(UnknownConnectorError, match="Did you mean spotify"):
        find_connector(pipeline.settings, "spotfy")


def test_nothing_is_stored_when_the_file_is_refused(pipeline: Pipeline, exports: type[Exports]) -> None:
    whole = json.dumps(exports.page(exports.liked("One", "A")))
    with pytest.raises(UnreadableExportError):
        pipeline.submit(pipeline.write("cut.json", whole[:-5]))
    for table in ("raw_files", "syncs", "jobs"):
        assert pipeline.value(f"SELECT count(*) FROM mesh.{table}") == 0
    assert not any(path.is_file() for path in _storage(pipeline).rglob("*"))


def test_nothing_stays_in_the_storage_when_the_job_cannot_be_enqueued(
    pipeline: Pipeline, exports: type[Exports]
) -> None:
    pipeline.connection.execute("ALTER TABLE mesh.jobs ADD CHECK (false) NOT VALID")
    pipeline.connection.commit()
    with pytest.raises(Exception, match="check constraint"):
        pipeline.submit(pipeline.write("a.json", exports.page(exports.liked("One", "A"))))
    pipeline.connection.rollback()
    assert pipeline.value("SELECT count(*) FROM mesh.syncs") == 0
    assert not any(path.is_file() for path in _storage(pipeline).rglob("*"))


def test_a_raw_file_is_stored_as_it_came_under_its_key(pipeline: Pipeline, exports: type[Exports]) -> None:
    path = pipeline.write("a.json", exports.page(exports.liked("One", "A")))
    submitted = pipeline.submit(path, 42)
    key = f"spotify/42/{submitted.sync_id}/0"
    assert pipeline.rows("SELECT storage_key, size FROM mesh.raw_files") == [(key, path.stat().st_size)]
    assert (_storage(pipeline) / key).read_bytes() == path.read_bytes()


def test_a_storage_that_fails_while_an_archive_is_read_is_no_damaged_archive(
    pipeline: Pipeline, spotify: ConnectorManifest
) -> None:
    songs = [json.loads(PLAY) | {"trackName": f"T{n}"} for n in range(20_000)]
    content = zipped({"StreamingHistory0.json": json.dumps(songs)}, zipfile.ZIP_STORED)
    raw_storage(pipeline.settings).put("key", pipeline.write("a.zip", content))
    with raw_storage(pipeline.settings).open("key") as file:
        items = Export(spotify, file, "a.zip", LIMITS).items(Tally())
        next(items)
        (_storage(pipeline) / "key").unlink()
        with pytest.raises(StorageError, match="stopped handing out key"):
            list(items)


def test_a_raw_file_that_the_storage_lost_is_stored_again(pipeline: Pipeline, exports: type[Exports]) -> None:
    path = pipeline.write("a.json", exports.page(exports.liked("One", "A")))
    key = f"spotify/1/{pipeline.ingest(path).sync_id}/0"
    (_storage(pipeline) / key).unlink()
    assert pipeline.state(pipeline.ingest(path)) == "applied"
    assert (_storage(pipeline) / key).exists()


def _storage(pipeline: Pipeline) -> Path:
    return pipeline.folder.parent / "storage"
