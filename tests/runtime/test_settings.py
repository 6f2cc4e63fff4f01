from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from mesh_descriptors.project import NoProjectError
from mesh_runtime.errors import SettingsError
from mesh_runtime.settings import GIB, MIB, Settings, variables

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mesh.toml").write_text('[project]\nname = "kitchen"\n')
    return tmp_path


def test_without_variables_the_embedded_server_and_the_documented_limits_hold(project: Path) -> None:
    settings = Settings.load(project, {})
    assert settings.database_url is None
    assert settings.direct_url is None
    assert settings.storage_url is None
    assert settings.cron_secret is None
    assert settings.admin_secret is None
    assert settings.development
    assert settings.limit_expanded_bytes == 5 * GIB
    assert settings.limit_expansion_ratio == 200
    assert settings.limit_zip_entries == 1_000
    assert settings.limit_zip_depth == 2
    assert settings.limit_item_bytes == MIB
    assert settings.limit_nesting == 64
    assert settings.project_file.project.name == "kitchen"
    assert settings.local == project / ".mesh" / "local"


def test_each_variable_sets_its_field(project: Path) -> None:
    environ = {
        "DATABASE_URL": "postgres://u@db/app",
        "DATABASE_DIRECT_URL": "postgresql://u@db:5433/app",
        "MESH_ENV": "production",
        "MESH_STORAGE_URL": "s3://raw/exports",
        "CRON_SECRET": " tick ",
        "MESH_ADMIN_SECRET": "look",
        "MESH_LIMIT_EXPANDED": "2GiB",
        "MESH_LIMIT_RATIO": "50",
        "MESH_LIMIT_ZIP_ENTRIES": " 7 ",
        "MESH_LIMIT_ZIP_DEPTH": "1",
        "MESH_LIMIT_ITEM": "500 kB",
        "MESH_LIMIT_NESTING": "8",
    }
    settings = Settings.load(project, environ)
    assert settings.database_url == "postgres://u@db/app"
    assert settings.direct_url == "postgresql://u@db:5433/app"
    assert not settings.development
    assert settings.storage_url == "s3://raw/exports"
    assert (settings.cron_secret, settings.admin_secret) == ("tick", "look")
    assert "tick" not in repr(settings)
    assert settings.limit_expanded_bytes == 2 * GIB
    assert settings.limit_expansion_ratio == 50
    assert settings.limit_zip_entries == 7
    assert settings.limit_zip_depth == 1
    assert settings.limit_item_bytes == 500_000
    assert settings.limit_nesting == 8


def test_an_empty_variable_is_an_unset_one(project: Path) -> None:
    assert Settings.load(project, {"DATABASE_URL": "", "MESH_LIMIT_RATIO": "  "}) == Settings.load(project, {})


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@db/app", "must begin with postgresql://"),
        ("DATABASE_URL", "postgresql://u:hunter2%zz@db/app", "cannot be read as a PostgreSQL URL"),
        ("DATABASE_DIRECT_URL", "postgresql://u:hunter2@db:x/a?hunter2=1", "cannot be read as a PostgreSQL URL"),
        ("DATABASE_DIRECT_URL", "db.example.com", "must begin with postgresql://"),
        ("MESH_ENV", "prod", "must be development or production"),
        ("MESH_STORAGE_URL", "/var/lib/raw", "must be a URL"),
        ("MESH_LIMIT_EXPANDED", "5 gigs", "must be a size"),
        ("MESH_LIMIT_ITEM", "-1", "must be a size"),
        ("MESH_LIMIT_ITEM", "0", "must be a size"),
        ("MESH_LIMIT_RATIO", "2.5", "must be a whole number"),
        ("MESH_LIMIT_NESTING", "0", "must be a whole number"),
        ("MESH_LIMIT_NESTING", "٣", "must be a whole number"),
    ],
)
def test_a_bad_value_is_named_with_its_variable_and_the_remedy(
    project: Path, variable: str, value: str, says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(project, {variable: value})
    message = str(caught.value)
    assert message.startswith(f"{variable}: {says}")
    assert "docs/settings.md" in message
    assert "hunter2" not in message
    assert caught.value.__cause__ is None
    assert caught.value.exit_code == 2


def test_all_bad_values_are_reported_at_once(project: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(project, {"MESH_ENV": "x", "MESH_LIMIT_RATIO": "x", "MESH_LIMIT_ITEM": "x"})
    assert len(caught.value.problems) == 3


def test_without_a_folder_the_project_around_the_current_one_is_taken(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "app" / "deep").mkdir(parents=True)
    monkeypatch.chdir(project / "app" / "deep")
    assert Settings.load(environ={}).project == project


def test_outside_of_a_project_the_error_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoProjectError, match="mesh init"):
        Settings.load(environ={})


def test_settings_cannot_be_changed(project: Path) -> None:
    settings = Settings.load(project, {})
    with pytest.raises(FrozenInstanceError):
        settings.development = False  # type: ignore[misc]


def test_every_variable_is_documented() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert set(variables()) <= documented
    assert documented >= {"MESH_TEST_DATABASE_URL", "NO_COLOR", "XDG_RUNTIME_DIR"}


def test_every_field_comes_from_a_variable_or_from_the_project() -> None:
    assert {item.name for item in fields(Settings)} == {"project", "project_file", *variables().values()}
