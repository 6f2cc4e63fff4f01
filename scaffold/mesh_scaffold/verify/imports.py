"""Whether what a plan touches can be imported: in a process of its own, which reads the plan's files in memory."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.programs import run
from mesh_scaffold.verify.plugins import entry_modules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.plan import Plan
    from mesh_scaffold.tree import Tree

SECONDS = 30.0
PROGRAM = Path(__file__).parent / "import_program.py"
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""The variables that the process sees: no address of a database, no key, nothing that it could do harm with."""
REMEDY = "Nothing was written. Correct the code that it imports; --verify required leaves this out."


def import_problems(
    tree: Tree, plan: Plan, root: Path, project: ProjectFile
) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Modules that cannot be imported once the plan is written, and could before; and what was broken before.

    Those are the modules that the plan writes, and those that the plug-ins which it writes are loaded from.
    """
    after = {
        change.path: change.after.content.decode("utf-8", "replace") if change.after else None
        for change in plan.changes
        if change.path.endswith(".py")
    }
    modules = [path for path, text in after.items() if text is not None and _is_importable(path, project)]
    modules += [path for path in entry_modules(tree, plan, project) if path not in modules]
    if not modules:
        return (), ()
    failures = _failures(root, after, modules)
    if isinstance(failures, str):
        return (Problem(f"the touched modules cannot be imported: {failures}", Place(modules[0]), REMEDY),), ()
    old = _broken_before(root, failures)
    problems, notices = [], []
    for path, failure in failures.items():
        if path in old or failure["path"] in old:
            notices.append(f"{path} cannot be imported, for a reason that was there before: {failure['message']}")
        elif failure["missing"] and not _is_of_project(failure["missing"], root, after):
            notices.append(f"{path} was not imported: {failure['missing']} is not installed here")
        else:
            place = Place(failure["path"] or path, failure["line"])
            problems.append(Problem(f"{path} cannot be imported: {failure['message']}", place, REMEDY))
    return tuple(problems), tuple(notices)


def _broken_before(root: Path, failures: Mapping[str, dict[str, Any]]) -> set[str]:
    """Which modules could not be imported without the plan: those that fail now, and those that they fail in."""
    paths = {path for each, failure in failures.items() for path in (each, failure["path"]) if path}
    suspects = {path for path in paths if (root / path).is_file()}
    found = _failures(root, {}, sorted(suspects)) if suspects else {}
    return suspects if isinstance(found, str) else set(found)


def _failures(root: Path, files: Mapping[str, str | None], paths: Iterable[str]) -> dict[str, dict[str, Any]] | str:
    """By path what went wrong with each import; a text when the process itself did not end well."""
    order = {"root": str(root), "files": files, "modules": [{"path": path, "name": _name(path)} for path in paths]}
    command = [sys.executable, "-I", "-B", str(PROGRAM)]
    environment = {name: value for name, value in os.environ.items() if name in KEPT}
    try:
        done = run(command, text=json.dumps(order).encode(), folder=root, environment=environment, seconds=SECONDS)
        failures: dict[str, dict[str, Any]] = json.loads(done.output)
    except (OSError, TimeoutError) as error:
        return str(error)
    except ValueError:
        said = done.errors.strip().splitlines()
        return f"the process ended with {done.code}{': ' + said[-1] if said else ''}"
    return failures


def _is_importable(path: str, project: ProjectFile) -> bool:
    """Not tests, which only pytest can import; nor files whose folders have no names of modules."""
    parts = _name(path).split(".")
    in_tests = parts[0] == "tests" or parts[-1].startswith("test_") or parts[-1] == "conftest"
    in_plugins = any(path.startswith(f"{folder}/") for folder in project.paths.plugins)
    return not in_tests and (in_plugins or all(part.isidentifier() for part in parts))


def _is_of_project(module: str, root: Path, files: Mapping[str, str | None]) -> bool:
    top = module.split(".")[0]
    return (root / top).is_dir() or (root / f"{top}.py").is_file() or any(path.startswith(f"{top}/") for path in files)


def _name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
