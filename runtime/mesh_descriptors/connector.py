"""`connector.toml`: what a connector reads, declared; the runtime's engine knows no service by name."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mesh_descriptors.patterns import NAME, ROOTED, URL

CONNECTOR_FILE = "connector.toml"

Name = Annotated[str, Field(pattern=NAME)]
"""A snake_case name: of a connector, a stream, a kind of media."""

PLAYS = "plays"
"""The stream that all plays of a connector are added up in."""

Signal = Literal["liked", "rated", "played", "disliked"]
"""What a record says about its medium."""

Scalar = str | bool | int


def _path(text: str) -> str:
    if not text or any(not part for part in text.split(".")):
        raise ValueError(f"{text!r} is no path: expected keys joined by dots, such as track.artists.0.name")
    return text


KeyPath = Annotated[str, AfterValidator(_path)]
"""Keys joined by dots; a number picks one element of a list."""


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    if groups != 1:
        raise ValueError(f"{text!r} must have exactly one group: the part to take")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """Where a field's value comes from: the first of `paths` that has one; `pattern`'s group is the part to take."""

    paths: tuple[KeyPath, ...] = Field(min_length=1)
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None


def _source(value: Any) -> Any:
    """A source may be written as a path, a list of alternative paths, or a table."""
    if isinstance(value, str):
        return {"paths": (value,)}
    return {"paths": value} if isinstance(value, list | tuple) else value


Written = Annotated[Source, BeforeValidator(_source)]


class FieldMap(_Part):
    """Which paths of a record hold what; a record without a title and an id is left out."""

    id: Written | None = None
    isrc: Written | None = None
    title: Written | None = None
    creator: Written | None = None
    album: Written | None = None
    genre: Written | None = None
    at: Written | None = None
    """When it was liked or played: an ISO time, or seconds or milliseconds since 1970; UTC unless it says otherwise."""
    ms_played: Written | None = None


class Skip(_Part):
    """Records that are left out: those whose value at `path` is `equals`, or that have any value there."""

    path: KeyPath
    equals: Scalar | None = None
    present: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Skip:
        if (self.equals is None) == (self.present is None):
            raise ValueError("needs exactly one of equals and present")
        return self


class _Records(_Part):
    """What streams and files share: which parts of a document are records, and what they mean."""

    records: KeyPath
    """The ijson prefix of the records: `item` is an element of a list."""
    map: FieldMap
    signal: Signal
    skip: tuple[Skip, ...] = ()
    media: Name | None = None
    """The kind of media of these records, where it isn't the connector's."""


class Pagination(_Part):
    """How the next page is found, such as `{type = "next_link", path = "next"}`."""

    type: Name
    path: KeyPath | None = None
    param: str | None = None


class Stream(_Records):
    """An HTTP endpoint of the service that yields records."""

    path: str = Field(pattern=ROOTED)
    query: dict[str, Scalar] = {}
    pagination: Pagination | None = None
    mode: Literal["snapshot", "append"] = "append"


class FileForm(_Records):
    """One form of export file. A file is recognised by its content; by name where the form declares no shapes."""

    signal: Literal["liked", "played", "disliked"]
    match: str = Field(min_length=1)
    """A glob for the file's name."""
    format: Literal["json"] = "json"
    shapes: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = ()
    """The file has this form when every path of one of these lists occurs in its first part; `!path` must not."""
    stream: Name | None = None
    """Under which name its favourites are kept; default: the signal. Reading one again replaces what it said."""
    fidelity: int = Field(default=0, ge=0, le=9)
    """Of histories that cover the same time, plays count from the one of the highest fidelity."""
    total: str | None = Field(default=None, min_length=1)
    """The prefix of the number of records that there are in all, where a file may be one page of several."""

    @property
    def stream_name(self) -> str:
        """The name under which the form's favourites are kept."""
        return self.stream or self.signal


class Auth(BaseModel):
    """How the service knows us; what else it needs depends on the type. Secrets are named (`env:NAME`), not written."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Name


class ConnectorManifest(_Part):
    """The whole of `connector.toml`."""

    kind: Literal["connector"] = "connector"
    name: Name
    label: str = Field(min_length=1, max_length=100)
    media: Name
    auth: Auth | None = None
    base_url: str | None = Field(default=None, pattern=URL)
    streams: dict[Name, Stream] = {}
    files: tuple[FileForm, ...] = ()

    @model_validator(mode="after")
    def _reads_something(self) -> ConnectorManifest:
        if not self.streams and not self.files:
            raise ValueError("a connector needs streams or files to read")
        if self.streams and self.base_url is None:
            raise ValueError("streams need a base_url")
        return self

    @model_validator(mode="after")
    def _streams_are_of_one_mind(self) -> ConnectorManifest:
        signals: dict[str, str] = {}
        for form in self.files:
            name = form.stream_name
            if signals.setdefault(name, form.signal) != form.signal:
                raise ValueError(f"the files of stream {name} must all have one signal; name another stream")
            if name == PLAYS and form.signal != "played":
                raise ValueError(f"the stream {PLAYS} is for signal played only; name another stream")
        return self
