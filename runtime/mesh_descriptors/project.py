"""`mesh.toml`: where a project keeps what mesh reads and writes."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mesh_descriptors.documents import DocumentError, read_toml
from mesh_descriptors.errors import MeshError, Place
from mesh_descriptors.patterns import APP, KEY_TYPE, SQL_NAME

PROJECT_FILE = "mesh.toml"


class NoProjectError(MeshError):
    """There is no `mesh.toml` here or in a folder above."""


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith(("/", "~")) or ".." in parts or "\\" in path or "\0" in path:
        raise ValueError(f"{path!r} must be a relative path that stays inside the project")
    return str(PurePosixPath(path))


ProjectPath = Annotated[str, AfterValidator(_inside)]
"""A POSIX path relative to the project that never leaves it."""

SqlName = Annotated[str, Field(pattern=SQL_NAME)]


def _command(value: object) -> object:
    parts = value if isinstance(value, list | tuple) else []
    if not parts or not parts[0] or any(not isinstance(part, str) or "\0" in part for part in parts):
        raise ValueError('write the program and its arguments as a list of texts: ["ruff", "format", "-"]')
    return value


Suffix = Annotated[str, Field(min_length=1)]
FormatCommand = Annotated[tuple[str, ...], BeforeValidator(_command)]
"""A program and its arguments, without a shell."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectSection(_Section):
    """`[project]`: its name and the target whose steps apply to it."""

    name: str = Field(min_length=1, max_length=100)
    target: str = "python"


class PathsSection(_Section):
    """`[paths]`: folders that every target has."""

    specs: ProjectPath = "specs"
    plugins: tuple[ProjectPath, ...] = ("plugins",)
    migrations: ProjectPath = "sql/migrations"


class PostsSection(_Section):
    """`[posts]`: the table that holds posts, and its enum."""

    table: SqlName = "realtime_posts"
    enum: SqlName = "realtime_post_type"
    type_column: SqlName = "type"
    payload_column: SqlName = "payload"


class RefSection(_Section):
    """`[refs.<name>]`: the key that a `ref[<name>]` field refers to, and its PostgreSQL type."""

    table: SqlName
    column: SqlName = "id"
    type: str = Field(pattern=KEY_TYPE)


class ServeSection(_Section):
    """`[serve]`: the ASGI application that `mesh serve` runs, as `module:attribute`."""

    app: str = Field(default="app.main:app", pattern=APP)


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


class EnumerationSection(_Section):
    """`[[check.enumerations]]`: a place that lists some types and is meant to lack others.

    Attributes:
        path: the file, relative to the project; `*` and `?` stand for parts of it.
        name: what it is called in the code: the variable, the key, the function; None for any.
        line: a regular expression that a line of it matches; None for any.
        reason: why it lacks types.
    """

    path: ProjectPath
    name: str | None = None
    line: Annotated[str, AfterValidator(_expression)] | None = None
    reason: str = Field(min_length=1)


class CheckSection(_Section):
    """`[check]`: what `mesh check` is told about the code."""

    enumerations: tuple[EnumerationSection, ...] = ()


class ProjectFile(_Section):
    """The whole of `mesh.toml`."""

    project: ProjectSection
    paths: PathsSection = PathsSection()
    posts: PostsSection = PostsSection()
    refs: dict[str, RefSection] = {}
    serve: ServeSection = ServeSection()
    check: CheckSection = CheckSection()
    format: dict[Suffix, FormatCommand] = {}
    """`[format]`: by the end of a file's name, the command that lays such files out."""
    targets: dict[str, dict[str, Any]] = {}
    """`[targets.<name>]`: the places of one target; that target reads and checks them."""
    plugins: dict[str, dict[str, Any]] = {}
    """`[plugins.<name>]`: the config of one plug-in; it is checked against that plug-in's descriptor."""


def find_project(start: Path) -> Path:
    """The nearest folder, `start` or above it, that holds a `mesh.toml`.

    Raises:
        NoProjectError: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise NoProjectError(
        f"no {PROJECT_FILE} here or in a folder above",
        place=Place(str(start)),
        remedy="Run the command inside a mesh project, name one with --project, or make one: mesh init DIR",
    )


def read_project(root: Path) -> ProjectFile:
    """Read the `mesh.toml` of the project at `root`.

    Raises:
        DocumentError: it is missing or holds something else than it must.
    """
    if not (root / PROJECT_FILE).exists():
        remedy = "Name the folder of a mesh project, or make one: mesh init DIR"
        raise DocumentError("no such file", place=Place(str(root / PROJECT_FILE)), remedy=remedy)
    return read_toml(root / PROJECT_FILE, ProjectFile, shown_as=PROJECT_FILE)
