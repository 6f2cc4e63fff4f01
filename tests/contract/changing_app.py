"""An app on a disk that commands change, and whose migrations are applied."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from typing import TYPE_CHECKING

from mesh_cli.main import main
from mesh_runtime.database import connect, migrate, sources
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def mesh(folder: Path, *arguments: str) -> tuple[int, str, str]:
    output, errors, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["mesh", *arguments]
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as end:
        return int(str(end.code or 0)), output.getvalue(), errors.getvalue()
    finally:
        sys.argv = argv
    return 0, output.getvalue(), errors.getvalue()


def made_app(folder: Path, spec: str) -> Path:
    """A new app in `folder` that has the type `recipe`."""
    assert mesh(folder, "init", "app")[0] == 0
    (folder / "app/specs/recipe.yaml").write_text(spec)
    assert mesh(folder / "app", "new", "post-type", "recipe")[0] == 0
    return folder / "app"


def passes(app: Path, test: str) -> None:
    """That test of the app's own passes."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def migrated(app: Path, url: str) -> None:
    settings = Settings.load(app, {"DATABASE_URL": url})
    with connect(url, autocommit=True) as connection:
        migrate(connection, sources(settings))


def migrations(app: Path) -> list[str]:
    return sorted(path.name for path in (app / "sql/migrations").glob("*_recipe_*.sql"))
