"""Targets: the kinds of code bases that mesh can add types to.

A target is an ordered tuple of steps and a template folder. Each has a package of its own, imported when a project
names it; nothing here may assume what a target's code base is written in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mesh_descriptors.errors import MeshError, Place
from mesh_descriptors.project import PROJECT_FILE

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.steps import Target

TARGETS = ("python",)

Clock: TypeAlias = Callable[[], datetime]
"""Tells the time, in UTC."""


class UnknownTargetError(MeshError):
    """`mesh.toml` names a target that there is not."""


def utc_now() -> datetime:
    """The time now: the clock that names migrations unless another is passed."""
    return datetime.now(UTC)


def template_root() -> Path:
    """The folder of all templates: beside this package when mesh is installed, else the checkout's."""
    package = Path(__file__).parent.parent
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent.parent / "templates"


def target_for(project: ProjectFile, clock: Clock = utc_now, templates: Path | None = None) -> Target:
    """The target that `mesh.toml` names, with the places that it sets.

    Args:
        project: the project's `mesh.toml`.
        clock: tells the time that migrations are named by.
        templates: the folder of all templates; None for the ones that mesh ships.

    Raises:
        UnknownTargetError: there is no such target.
        MeshError: a place in `[targets.<name>]` is not what it must be.
    """
    if project.project.target == "python":
        from mesh_scaffold.targets.python.target import python_target  # lazily: each target loads much of its own

        return python_target(project, templates or template_root(), clock)
    raise UnknownTargetError(
        f"there is no target {project.project.target!r}",
        place=Place(PROJECT_FILE, field="project.target"),
        remedy=f"Known: {', '.join(TARGETS)}.",
    )
