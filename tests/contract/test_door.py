"""The `mesh` command finds commands by entry point, and pays for none before it is called."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mesh_cli.main import registered

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"copier", "fastapi", "jinja2", "libcst", "numpy", "psycopg", "pydantic", "rich", "sqlglot", "uvicorn"}


def mesh(*arguments: str, cwd: Path | None = None, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere", **({"PYTHONPATH": str(path)} if path else {})}
    command = [sys.executable, "-m", "mesh_cli", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


def package(folder: Path, value: str, module: str) -> None:
    """Make an installed-looking distribution that registers the command `extra`."""
    (folder / "extra_command.py").write_text(module)
    info = folder / "extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[mesh.commands]\nextra = {value}\ninit = {value}\n")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['mesh', '--help']\n"
        "from mesh_cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('IMPORTED', *sorted(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    page, _, imported = result.stdout.partition("IMPORTED")
    assert "ingest" in page
    assert not HEAVY & set(imported.split())


def test_help_lists_every_command_with_its_line() -> None:
    page = mesh("--help").stdout
    for name in registered():
        assert f"  {name}  " in page


@pytest.mark.parametrize("name", sorted(registered()))
def test_every_command_has_a_help_page(name: str) -> None:
    result = mesh(name, "--help")
    assert result.returncode == 0, result.stderr
    assert "Usage: mesh " + name in result.stdout
    assert "completion" not in result.stdout, "it belongs to mesh itself"
    arguments = result.stdout.splitlines()[0].partition("[OPTIONS]")[2]
    assert arguments == arguments.upper()
    assert "[[" not in arguments


def test_a_third_party_adds_a_command_and_cannot_take_one_of_ours(tmp_path: Path) -> None:
    module = (
        "import typer\nfrom mesh_cli.commands import Command\n"
        "COMMAND = Command('An extra command.', 'extra_command:app')\napp = typer.Typer()\n"
        "@app.command()\ndef extra() -> None:\n    print('extra ran')\n"
    )
    package(tmp_path, "extra_command:COMMAND", module)
    page = mesh("--help", path=tmp_path).stdout
    assert "An extra command." in page
    assert "Make a new app" in page
    assert mesh("extra", path=tmp_path).stdout == "extra ran\n"


def test_a_broken_third_party_takes_no_other_command_down(tmp_path: Path) -> None:
    package(tmp_path, "extra_command:COMMAND", "raise RuntimeError('half installed')")
    page = mesh("--help", path=tmp_path)
    assert page.returncode == 0
    assert "(cannot be loaded: half installed)" in page.stdout
    called = mesh("extra", path=tmp_path)
    assert called.returncode == 2
    assert "'extra' (extra_command:COMMAND) cannot be loaded: half installed" in called.stderr
    assert "Traceback" not in called.stderr


def test_an_unknown_command_is_bad_input() -> None:
    result = mesh("nwe")
    assert result.returncode == 2
    assert "nwe" in result.stderr


def test_an_error_is_a_message_with_a_remedy_and_json_for_machines(tmp_path: Path) -> None:
    result = mesh("check", "--json", cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    (problem,) = json.loads(result.stdout)["error"]
    assert problem["message"] == "no mesh.toml here or in a folder above"
    assert "mesh init DIR" in problem["remedy"]


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert mesh("--version").stdout == f"mesh {version('mesh-scaffold')}\n"
