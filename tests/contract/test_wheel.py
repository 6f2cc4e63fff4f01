"""What a user installs is what stands in the checkout, and does the same."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = {
    "scaffold/mesh_scaffold": "mesh_scaffold",
    "runtime/mesh_runtime": "mesh_runtime",
    "runtime/mesh_descriptors": "mesh_descriptors",
    "runtime/mesh_cli": "mesh_cli",
    "templates": "mesh_scaffold/templates",
    "sql": "mesh_runtime/sql",
    "plugins": "mesh_runtime/first_party",
}
POLL = """\
kind: post-type
name: poll
fields:
  question: {type: string, max_length: 120}
  options: {type: "list[string]", min_items: 2, max_items: 6}
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    # The developer's own packages must not leak into the fresh environment.
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "DATABASE_URL"}}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and ".mesh/local" not in path.as_posix()  # a machine's own
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh virtual environment that holds the wheel.

    Its dependencies come from this environment by a path file, since tests may not use a network. Path files in a
    folder named by a path file are not read, so the checkout's editable install stays out.
    """
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    library = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (library / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    location = run(
        python, "-c", "import mesh_runtime, mesh_scaffold; print(mesh_runtime.__file__, mesh_scaffold.__file__)"
    )
    assert str(ROOT) not in location
    return folder / "bin"


def test_the_wheel_holds_exactly_the_source_tree(wheel: Path) -> None:
    expected = {
        f"{target}/{name}": content
        for source, target in SHIPPED.items()
        for name, content in files_below(ROOT / source).items()
    }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name and not name.endswith("/")}
        assert names == set(expected)
        assert all(archive.read(name) == content for name, content in expected.items())


def test_init_from_the_wheel_is_init_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    run(installed / "mesh", "init", tmp_path / "wheel" / "shop")
    run(sys.executable, "-m", "mesh_cli", "init", tmp_path / "checkout" / "shop")
    ours, theirs = files_below(tmp_path / "checkout" / "shop"), files_below(tmp_path / "wheel" / "shop")
    assert set(ours) == set(theirs)
    assert {name for name in ours if ours[name] != theirs[name]} == set()
    assert "app/models.py" in ours


@pytest.mark.slow
def test_an_installed_wheel_makes_an_app_adds_a_type_and_passes_its_tests(installed: Path, tmp_path: Path) -> None:
    app = tmp_path / "shop"
    run(installed / "mesh", "init", app)
    (app / "specs" / "poll.yaml").write_text(POLL)
    run(installed / "mesh", "new", "post-type", "specs/poll.yaml", cwd=app)
    run(installed / "mesh", "check", cwd=app)
    output = run(installed / "python", "-m", "pytest", "-q", cwd=app)
    assert " passed" in output
    assert "failed" not in output
