"""Where the SQL files are: in the installed package, or in the checkout."""

from __future__ import annotations

from pathlib import Path

from mesh_runtime.errors import DatabaseError


class ResourcesMissingError(DatabaseError):
    """The SQL files that belong to the package are not there."""


def sql_folder() -> Path:
    """The folder that holds `migrations/` and `queries/`.

    Raises:
        ResourcesMissingError: neither the installed package nor a checkout has it.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "sql", package.parent.parent / "sql"):
        if (folder / "migrations").is_dir() and (folder / "queries").is_dir():
            return folder
    raise ResourcesMissingError(
        f"the SQL files of mesh are missing beside {package}", remedy="Reinstall the package mesh-scaffold."
    )
