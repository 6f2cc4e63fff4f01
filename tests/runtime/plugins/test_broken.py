"""A broken plug-in is told with file and line, and stops nobody else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Project

BASE = 'kind = "jobs"\ntype = "bad"\nversion = "1"\nlabel = "L"\n'

CODE = {
    "syntax error": ("x = 1\ndef f(:\n", 2, "SyntaxError"),
    "indentation": ("if True:\nx = 1\n", 2, "IndentationError"),
    "exception": ("x = 1\n\n1 / 0\n", 3, "ZeroDivisionError: division by zero"),
    "exception in a library": ("import json\njson.loads('{')\n", 2, "JSONDecodeError"),
    "exception deep inside": ("def f():\n    raise OSError('deep')\n\nf()\n", 2, "OSError: deep"),
    "missing module": ("import no_such_module_anywhere\n", 1, "ModuleNotFoundError"),
    "missing sibling": ("from . import nobody\n", 1, "ImportError"),
    "system exit": ("import sys\nsys.exit(3)\n", 2, "exits the process (SystemExit: 3)"),
    "base exception": ("class Odd(BaseException): ...\nraise Odd('odd')\n", 2, "Odd: odd"),
    "cancelled": ("import asyncio\nraise asyncio.CancelledError\n", 2, "CancelledError"),
    "message that raises": (
        "class Odd(Exception):\n    def __str__(self):\n        raise SystemExit\nraise Odd\n",
        4,
        "Odd",
    ),
    "endless recursion": ("def f():\n    f()\nf()\n", 2, "RecursionError"),
    "null byte": (b"x = 1\0\n", None, "null bytes"),
    "no utf-8": (b"x = '\xff'\n", None, "SyntaxError"),
}


@pytest.mark.parametrize("case", CODE)
def test_code_that_cannot_be_imported_is_told_with_its_own_line(project: Project, case: str) -> None:
    code, line, says = CODE[case]
    project.plugin("bad", code)
    project.plugin("good", "OK = True\n")
    registry = project.load()
    assert [plugin.name for plugin in registry.plugins] == ["good"]
    (problem,) = registry.problems
    place = problem.problem.place
    assert place is not None
    assert (problem.plugin, place.path) == ("bad", os.path.join("plugins", "bad", "main.py"))  # noqa: PTH118  as shown
    assert place.line == line or line is None
    assert says in problem.problem.message
    assert "\n" not in problem.problem.message


def test_an_error_in_a_sibling_is_told_where_the_sibling_is(project: Project) -> None:
    project.plugin("bad", "\n\nfrom . import other\n")
    project.write("plugins/bad/other.py", "x = 1\nundefined_name\n")
    (problem,) = project.load().problems
    assert str(problem.problem.place) == "plugins/bad/other.py:2"


def test_an_error_in_the_packages_own_code_is_told_there(project: Project) -> None:
    project.plugin("bad")
    project.write("plugins/bad/__init__.py", "\nraise ValueError\n")
    (problem,) = project.load().problems
    assert str(problem.problem.place) == "plugins/bad/__init__.py:2"


def test_nothing_of_a_broken_plugin_stays_in_sys_modules(project: Project) -> None:
    project.plugin("bad", "from . import other\nraise ValueError\n")
    project.write("plugins/bad/other.py", "")
    before = set(sys.modules)
    project.load()
    assert {name for name in set(sys.modules) - before if name.startswith("mesh_plugins.")} == set()


def test_ctrl_c_while_a_plugin_is_imported_still_stops(project: Project) -> None:
    project.plugin("slow", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        project.load()


@pytest.mark.parametrize(
    ("descriptor", "place", "says"),
    [
        (None, "plugins/bad", "has no plugin.toml"),
        ("kind = \n", "plugins/bad/plugin.toml:1", "is not TOML"),
        (f"{BASE}colour = 1\n", "plugins/bad/plugin.toml:5, field colour", "unknown key"),
        (f'{BASE}entry = ["gone"]\n', "plugins/bad/plugin.toml:5, field entry", "no module gone.py"),
        (f'{BASE}entry = ["data"]\n', "plugins/bad/plugin.toml:5, field entry", "no module data.py"),
        (b"kind = '\xff'\n", "plugins/bad/plugin.toml", "UTF-8"),
        ("a = " + "[" * 5000, "plugins/bad/plugin.toml", ""),
    ],
)
def test_a_descriptor_that_cannot_be_used_is_told_with_its_line(
    project: Project, descriptor: str | bytes | None, place: str, says: str
) -> None:
    project.plugin("good")
    project.write("plugins/bad/data/table.csv", "1\n")
    if descriptor is not None:
        project.write("plugins/bad/plugin.toml", descriptor)
    registry = project.load()
    assert [plugin.name for plugin in registry.plugins] == ["good"]
    assert [problem.plugin for problem in registry.problems] == ["bad"]
    assert str(registry.problems[0].problem.place) == place
    assert says in registry.problems[0].problem.message


@pytest.mark.parametrize(
    ("manifest", "place", "says"),
    [
        (None, "plugins/bad/plugin.toml:1, field kind", "has no connector.toml"),
        ("name = \n", "plugins/bad/connector.toml:1", "is not TOML"),
        ('name = "bad"\ncolour = 1\n', "plugins/bad/connector.toml:2, field colour", "unknown key"),
    ],
)
def test_a_connector_whose_manifest_cannot_be_used_is_told_with_its_line(
    project: Project, manifest: str | None, place: str, says: str
) -> None:
    project.plugin("bad", kind="connector")
    if manifest is not None:
        project.write("plugins/bad/connector.toml", manifest)
    registry = project.load()
    assert registry.plugins == ()
    told = [one.problem for one in registry.problems]
    assert any(str(problem.place) == place and says in problem.message for problem in told)
