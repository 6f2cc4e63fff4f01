"""`connector.toml`: what it may say, what the engine makes of it, and what is wrong with one that cannot be."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pytest

from mesh_descriptors.connector import ConnectorManifest
from mesh_descriptors.documents import DocumentError, read_toml
from mesh_runtime.ingest.connectors import find_connector
from mesh_runtime.ingest.errors import UnknownConnectorError
from mesh_runtime.ingest.export import Export, Tally
from mesh_runtime.ingest.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Pipeline

APPLE_MUSIC = """
kind = "connector"
name = "apple_music"
label = "Apple Music"
media = "music"
auth = { type = "apple_developer_token", token = "env:APPLE_DEVELOPER_TOKEN", user_token = true }
base_url = "https://api.music.apple.com/v1"

[streams.library_songs]
path = "/me/library/songs"
query = { include = "catalog", limit = 100 }
records = "data.item"
pagination = { type = "next_link", path = "next" }
signal = "liked"
map = { id = "attributes.playParams.catalogId", title = "attributes.name", creator = "attributes.artistName", \
album = "attributes.albumName", isrc = "relationships.catalog.data.0.attributes.isrc" }

[[files]]
match = "Apple Music Library Tracks.json"
format = "json"
records = "item"
map = { id = "Apple Music Track Identifier", title = "Title", creator = "Artist", album = "Album" }
signal = "liked"
"""
LIMITS = Limits(2**30, 200, 1000, 2, 2**20, 64)


def parsed(folder: Path, text: str) -> ConnectorManifest:
    path = folder / "connector.toml"
    path.write_text(text)
    return read_toml(path, ConnectorManifest, shown_as="connector.toml")


def test_streams_auth_and_files_of_another_service_can_be_declared(tmp_path: Path) -> None:
    manifest = parsed(tmp_path, APPLE_MUSIC)
    assert manifest.auth is not None
    assert manifest.auth.type == "apple_developer_token"
    assert manifest.streams["library_songs"].mode == "append"
    tracks = [{"Title": "T", "Artist": "A", "Album": "L", "Apple Music Track Identifier": 17}]
    file = io.BytesIO(json.dumps(tracks).encode())
    found = list(Export(manifest, file, "x/Apple Music Library Tracks.json", LIMITS).items(Tally()))
    assert [(item.schemes, item.ids, item.title, form.stream_name) for form, item in found] == [
        (("apple_music",), ("17",), "T", "liked")
    ]


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ('records = "item"', 'record = "item"', "unknown key"),
        ('title = "Title"', 'titel = "Title"', "unknown key"),
        ('title = "Title"', 'title = "a..b"', "is no path"),
        ('title = "Title"', 'title = { paths = ["Title"], pattern = "(" }', "is no regular expression"),
        ('title = "Title"', 'title = { paths = ["Title"], pattern = "x" }', "exactly one group"),
        ('title = "Title"', "title = []", "at least 1 item"),
        ('format = "json"', 'format = "xml"', "Input should be 'json'"),
        ('format = "json"', 'skip = [{ path = "x" }]', "exactly one of equals and present"),
        ('name = "apple_music"', 'name = "Apple Music"', "'Apple Music' is not a name of small letters"),
        ('base_url = "https://api.music.apple.com/v1"', "", "streams need a base_url"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused_with_its_place(
    tmp_path: Path, written: str, instead: str, message: str
) -> None:
    with pytest.raises(DocumentError, match=r"connector\.toml") as caught:
        parsed(tmp_path, APPLE_MUSIC.replace(written, instead))
    assert message in str(caught.value)


@pytest.mark.parametrize("stream", ["same", "plays"])
def test_a_stream_says_one_thing_only(tmp_path: Path, stream: str) -> None:
    form = '[[files]]\nmatch = "x"\nrecords = "item"\nmap = {{ title = "t" }}\nsignal = "{}"\nstream = "{}"\n'
    forms = form.format("liked", stream) + form.format("disliked", stream)
    with pytest.raises(DocumentError, match="name another stream"):
        parsed(tmp_path, f'name = "x"\nlabel = "X"\nmedia = "music"\n{forms}')


def test_a_connector_needs_something_to_read(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="needs streams or files to read"):
        parsed(tmp_path, 'name = "nothing"\nlabel = "Nothing"\nmedia = "music"\n')


def dropped_in(pipeline: Pipeline, name: str, manifest: str) -> None:
    folder = pipeline.settings.project / "plugins" / name
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(f'kind = "connector"\ntype = "{name}"\nversion = "1"\nlabel = "{name}"\n')
    (folder / "connector.toml").write_text(manifest)


def test_a_connector_dropped_into_the_project_is_read_like_ours(pipeline: Pipeline) -> None:
    dropped_in(pipeline, "apple_music", APPLE_MUSIC)
    manifest = find_connector(pipeline.settings, "apple_music")
    assert manifest.label == "Apple Music"
    with pytest.raises(UnknownConnectorError, match="Connectors here: apple_music, spotify"):
        find_connector(pipeline.settings, "tidal")


def test_a_connector_that_is_broken_says_so_when_it_is_asked_for(pipeline: Pipeline) -> None:
    dropped_in(
        pipeline, "tidal", APPLE_MUSIC.replace("apple_music", "tidal").replace('label = "Apple', 'lable = "Apple')
    )
    with pytest.raises(UnknownConnectorError, match="unknown key"):
        find_connector(pipeline.settings, "tidal")


def test_without_the_fast_parser_nothing_is_read_slowly() -> None:
    code = (
        "import sys; sys.modules['ijson.backends.yajl2_c'] = None\n"
        "from mesh_runtime.ingest.json_stream import parser\n"
        "try: parser()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ParserMissingError" in done.stdout
    assert "--only-binary ijson" in done.stdout


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2019-01-02 06:15", "2019-01-02 06:15"),
        ("2019-01-02T06:15:59Z", "2019-01-02 06:15"),
        ("2019-01-02T08:15:00+02:00", "2019-01-02 06:15"),
        (1546409700, "2019-01-02 06:15"),
        (1546409700123, "2019-01-02 06:15"),
        ("1546409700", "2019-01-02 06:15"),
        ("0000-00-00", None),
        ("soon", None),
        (-5, None),
        (True, None),
        (10**18, None),
        ({"a": 1}, None),
        (None, None),
    ],
)
def test_times_of_every_kind_are_read_and_nonsense_is_none(tmp_path: Path, written: Any, expected: str | None) -> None:
    manifest = parsed(tmp_path, APPLE_MUSIC.replace('album = "Album" }\nsignal', 'at = "When" }\nsignal'))
    content = json.dumps([{"Title": "T", "When": written}]).encode()
    export = Export(manifest, io.BytesIO(content), "Apple Music Library Tracks.json", LIMITS)
    at = next(export.items(Tally())).item.at
    assert (at and f"{at.astimezone(UTC):%Y-%m-%d %H:%M}") == expected
