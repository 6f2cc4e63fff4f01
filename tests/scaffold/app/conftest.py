"""The app, rendered once by Copier itself."""

from __future__ import annotations

from pathlib import Path

import copier
import pytest

TEMPLATE = Path(__file__).parents[3] / "templates" / "app"


def render(folder: Path, project_name: str) -> Path:
    copier.run_copy(str(TEMPLATE), folder, data={"project_name": project_name}, defaults=True, quiet=True)
    return folder


@pytest.fixture(scope="session")
def rendered_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app as it is made; tests must not change it."""
    return render(tmp_path_factory.mktemp("rendered") / "app", "My community")
