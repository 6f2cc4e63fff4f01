from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("command", ["init", "new", "check", "adopt", "undo", "log", "plan", "apply"])
def test_a_command_is_loaded_without_what_is_heavy(command: str) -> None:
    code = (
        f"import sys, mesh_scaffold.cli.{command}\n"
        "print(*{'copier', 'libcst', 'sqlglot', 'numpy', 'psycopg'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_check_does_not_load_libcst_which_only_edits_need(app: Path) -> None:
    code = (
        "import sys\nfrom mesh_cli.main import main\nsys.argv = ['mesh', 'check']\n"
        "try:\n    main()\nfinally:\n    print('libcst' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=app, capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"


def test_the_installed_command_ends_with_the_code_of_its_error(tmp_path: Path) -> None:
    mesh = str(Path(sys.executable).with_name("mesh"))
    done = subprocess.run([mesh, "check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"error: {tmp_path}: no mesh.toml here or in a folder above\n  Run the command inside "
    )
