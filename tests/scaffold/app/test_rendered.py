"""What `templates/app` renders is sound: it passes its own checks, and holds what mesh is told about it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import copier
import pytest

from mesh_descriptors.project import read_project
from mesh_runtime.plugins import load_plugins

TEMPLATE = Path(__file__).parents[3] / "templates" / "app"


def run(app: Path, *command: str) -> None:
    """Run a module in the app's folder; what it says is shown when it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MESH_ENV"))}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=app, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_template_file_says_that_it_is_one() -> None:
    files = [path for path in (TEMPLATE / "project").rglob("*") if path.is_file() and "__pycache__" not in path.parts]

    assert [path for path in files if path.suffix != ".jinja"] == []


def test_its_code_passes_the_linter(rendered_app: Path) -> None:
    run(rendered_app, "ruff", "check", "--no-cache", ".")
    run(rendered_app, "ruff", "format", "--no-cache", "--check", ".")


def test_a_long_name_leaves_its_code_formatted(tmp_path: Path) -> None:
    copier.run_copy(str(TEMPLATE), tmp_path / "app", data={"project_name": "a" * 63}, defaults=True, quiet=True)

    run(tmp_path / "app", "ruff", "check", "--no-cache", ".")
    run(tmp_path / "app", "ruff", "format", "--no-cache", "--check", ".")


def test_its_code_passes_the_type_checker(rendered_app: Path, tmp_path: Path) -> None:
    run(rendered_app, "mypy", "--cache-dir", str(tmp_path))


def test_its_own_tests_pass(rendered_app: Path) -> None:
    run(rendered_app, "pytest", "-q", "-p", "no:cacheprovider")


def test_every_place_that_the_project_file_names_is_there(rendered_app: Path) -> None:
    project = read_project(rendered_app)
    places = project.targets["python"]

    for place in ("models", "actions", "validators", "feed", "cards", "forms", "tests"):
        assert (rendered_app / places[place]).exists(), place
    for folder in (project.paths.specs, project.paths.migrations, *project.paths.plugins):
        assert (rendered_app / folder).is_dir(), folder
    names = {
        "models": ("post_type_enum", "post_model"),
        "actions": (
            "create_params",
            "update_params",
            "create_function",
            "create_row",
            "update_function",
            "update_data",
        ),
        "feed": ("feeds_map", "create_menu"),
    }
    for place, keys in names.items():
        code = (rendered_app / places[place]).read_text("utf-8")
        assert [places[key] for key in keys if places[key] not in code] == []


def test_its_plug_ins_load(rendered_app: Path) -> None:
    registry = load_plugins([rendered_app / "plugins"])

    assert registry.problems == ()
    assert sorted(plugin.descriptor.type for plugin in registry.plugins) == [
        "background",
        "image",
        "product_review",
        "text",
    ]


@pytest.mark.parametrize(("name", "slug"), [("A", "a"), ("My community", "my-community"), ("x_1. - b", "x-1-b")])
def test_the_name_of_the_project_becomes_a_package_name(tmp_path: Path, name: str, slug: str) -> None:
    copier.run_copy(str(TEMPLATE), tmp_path / "app", data={"project_name": name}, defaults=True, quiet=True)

    written = tomllib.loads((tmp_path / "app/pyproject.toml").read_text("utf-8"))
    assert written["project"]["name"] == slug
    assert read_project(tmp_path / "app").project.name == name


@pytest.mark.parametrize("name", ["", " ", 'a"b', "a\nb", "<b>", "a{{ 1 }}", "../a", "-", "é", "a" * 64, "a "])
def test_a_name_that_would_break_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="project_name"):
        copier.run_copy(str(TEMPLATE), tmp_path / "app", data={"project_name": name}, defaults=True, quiet=True)

    assert not (tmp_path / "app").exists()
