"""Settings: one frozen value, read from the environment once and passed on."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from mesh_descriptors.errors import Place, Problem
from mesh_descriptors.project import ProjectFile, find_project, read_project
from mesh_runtime.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KIB, MIB, GIB = 1024, 1024**2, 1024**3
_UNITS = {"": 1, "b": 1, "kib": KIB, "mib": MIB, "gib": GIB, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def _postgres_url(text: str) -> str:
    if urlsplit(text).scheme not in ("postgresql", "postgres"):
        raise ValueError("must begin with postgresql://")
    try:
        conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        # Without psycopg's words: they repeat the value.
        raise ValueError("cannot be read as a PostgreSQL URL; special characters are written as %XX") from None
    return text


def _url(text: str) -> str:
    if not urlsplit(text).scheme:
        raise ValueError("must be a URL, such as s3://bucket/folder or file:///var/lib/mesh")
    return text


def _development(text: str) -> bool:
    if text not in ("development", "production"):
        raise ValueError("must be development or production")
    return text == "development"


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise ValueError("must be a whole number of at least 1")
    return int(text)


def _size(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,18})\s*([A-Za-z]*)", text)
    unit = _UNITS.get(found[2].lower()) if found else None
    if not found or unit is None or int(found[1]) < 1:
        raise ValueError("must be a size, such as 1048576, 512MiB or 5GiB")
    return int(found[1]) * unit


def _setting(variable: str, parse: Callable[[str], Any], default: Any, *, shown: bool = True) -> Any:
    """A field that comes from an environment variable; one that is unset or empty leaves the default."""
    return field(default=default, repr=shown, metadata={"variable": variable, "parse": parse})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the runtime may be told from outside; `docs/settings.md` describes each variable.

    Attributes:
        project: the folder of `mesh.toml`.
        project_file: what `mesh.toml` says.
        database_url: the database; None is the embedded server.
        direct_url: the same database around its connection pooler, for migrations and LISTEN; None is `database_url`.
        development: False in production.
        cron_secret: who sends it may have jobs processed over HTTP; None is nobody.
        admin_secret: who sends it may read the queue's figures over HTTP; None is nobody.
        keep_history_days: how long jobs that have ended are kept.
        storage_url: where raw files are kept; None is the folder `.mesh/local/storage`.
        limit_expanded_bytes: how large an upload may be once it is unpacked.
        limit_expansion_ratio: how many times larger than itself an upload may unpack.
        limit_zip_entries: how many files a zip archive may hold.
        limit_zip_depth: how deep zip archives may be packed in each other.
        limit_item_bytes: how large one item of an export may be.
        limit_nesting: how deep the values of a JSON document may be nested.
    """

    project: Path
    project_file: ProjectFile
    database_url: str | None = _setting("DATABASE_URL", _postgres_url, None)
    direct_url: str | None = _setting("DATABASE_DIRECT_URL", _postgres_url, None)
    development: bool = _setting("MESH_ENV", _development, True)  # noqa: FBT003  the default of the field
    cron_secret: str | None = _setting("CRON_SECRET", str, None, shown=False)
    admin_secret: str | None = _setting("MESH_ADMIN_SECRET", str, None, shown=False)
    keep_history_days: int = _setting("MESH_QUEUE_KEEP_HISTORY", _count, 14)
    storage_url: str | None = _setting("MESH_STORAGE_URL", _url, None)
    limit_expanded_bytes: int = _setting("MESH_LIMIT_EXPANDED", _size, 5 * GIB)
    limit_expansion_ratio: int = _setting("MESH_LIMIT_RATIO", _count, 200)
    limit_zip_entries: int = _setting("MESH_LIMIT_ZIP_ENTRIES", _count, 1_000)
    limit_zip_depth: int = _setting("MESH_LIMIT_ZIP_DEPTH", _count, 2)
    limit_item_bytes: int = _setting("MESH_LIMIT_ITEM", _size, MIB)
    limit_nesting: int = _setting("MESH_LIMIT_NESTING", _count, 64)

    @property
    def local(self) -> Path:
        """The project's folder for what git ignores: database, locks, storage."""
        return self.project / ".mesh" / "local"

    @classmethod
    def load(cls, project: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings of the project in folder `project`.

        Args:
            project: the folder of `mesh.toml`; default the nearest at or above the current folder.
            environ: the variables; default those of the process.

        Raises:
            NoProjectError: no folder at or above the current one holds a `mesh.toml`.
            DocumentError: `mesh.toml` cannot be read.
            SettingsError: variables hold what they must not; all of them are named.
        """
        root = find_project(Path.cwd()) if project is None else project.absolute()
        return cls(project=root, project_file=read_project(root), **_read(os.environ if environ is None else environ))


def variables() -> dict[str, str]:
    """The environment variables that are read, each with the name of its field."""
    return {item.metadata["variable"]: item.name for item in fields(Settings) if item.metadata}


def _read(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for item in fields(Settings):
        variable = item.metadata.get("variable")
        text = environ.get(variable, "").strip() if variable else ""
        if not text:
            continue
        try:
            values[item.name] = item.metadata["parse"](text)
        except ValueError as error:
            # The value is not repeated: it may hold a password.
            remedy = f"Correct or unset the environment variable {variable}; docs/settings.md describes it."
            problems.append(Problem(str(error), Place(path=variable), remedy))
    if problems:
        raise SettingsError(problems=problems)
    return values
