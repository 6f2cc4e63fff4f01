"""`mesh init`: the app template, rendered by Copier into a temporary folder, enters a tree like anything else."""

from __future__ import annotations

import re
import stat
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.generate.conflicts import ConflictError, aborting, refuse
from mesh_scaffold.generate.past import Options
from mesh_scaffold.generate.taken import Taken
from mesh_scaffold.plan import Plan
from mesh_scaffold.record import GeneratedFile, Record, read_record, write_record
from mesh_scaffold.targets import template_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_scaffold.generate.conflicts import Resolve
    from mesh_scaffold.tree import Tree

KIND = "app"
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,61}[A-Za-z0-9._-])?")
NO_CODE = ("__pycache__", "*.py[co]", ".DS_Store")
"""What installing and looking at templates leaves beside them."""


class AppNameError(MeshError):
    """The app cannot be called that."""


class TemplateError(MeshError):
    """The app template cannot be rendered: a mistake of its author."""


def plan_init(tree: Tree, name: str, templates: Path | None = None, resolve: Resolve = aborting) -> Plan:
    """The plan that makes an app called `name`; without changes where mesh made it already.

    Args:
        tree: the folder of the app, empty or still to be made. Files of the user that are in nobody's way stay.
        name: what the app is called.
        templates: the folder of all templates; None for the ones that mesh ships.
        resolve: what happens to a file that stands where another is to be created.

    Raises:
        AppNameError: no app can be called that.
        ConflictError: with every file that is in the way.
    """
    if not NAME.fullmatch(name):
        raise AppNameError(
            f"{name!r} cannot be the name of an app",
            remedy="Take 1 to 63 letters, digits, spaces, '.', '-' or '_', a letter or digit first: --name 'My app'",
        )
    answers = {"project_name": name}
    if record := read_record(tree, KIND, KIND):
        return _already_made(tree, record, answers)
    before, taken, options = tree.fork(), Taken(), Options(resolve)
    for path, (content, mode) in sorted(_rendered((templates or template_root()) / "app", answers)):
        tree.write(path, content, None if before.exists(path) else mode)
        taken.generated_file(tree, before, GeneratedFile(path, KIND, b""), None, options)
    refuse(taken.refused)
    write_record(tree, Record(KIND, KIND, "python", answers, tuple(taken.files)))
    plan = Plan.of(tree, "init", warnings=tuple(taken.warnings))
    return replace(plan, conflicts=tuple(taken.conflicts))


def _already_made(tree: Tree, record: Record, answers: Mapping[str, str]) -> Plan:
    if dict(record.spec) != answers:
        raise ConflictError(
            f"this app is there already and is called {record.spec.get('project_name')!r}",
            place=Place("mesh.toml"),
            remedy="Choose another folder; to rename the app, edit mesh.toml.",
        )
    return Plan.of(tree, "init", notices=("this app is made already",))


def _rendered(template: Path, answers: Mapping[str, Any]) -> Iterator[tuple[str, tuple[bytes, int]]]:
    """Every file of the app: its path, content, and 0o755 or 0o644."""
    import copier  # lazily: half a second that only this command pays
    from copier.errors import CopierError
    from jinja2 import TemplateError as JinjaError

    with tempfile.TemporaryDirectory(prefix="mesh-init-") as folder:
        try:
            copier.run_copy(
                str(template),
                folder,
                data=dict(answers),
                settings=copier.Settings(),  # not those of the user, which could answer or trust for us
                exclude=NO_CODE,
                defaults=True,
                overwrite=True,
                quiet=True,
                skip_tasks=True,
                unsafe=False,
            )
        except (CopierError, JinjaError, ValueError) as error:
            remedy = "Reinstall mesh-scaffold; with a template of your own, correct it."
            message = f"the app template cannot be rendered: {error}"
            raise TemplateError(message, place=Place(str(template)), remedy=remedy) from error
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                executable = path.stat().st_mode & stat.S_IXUSR
                yield path.relative_to(folder).as_posix(), (path.read_bytes(), 0o755 if executable else 0o644)
