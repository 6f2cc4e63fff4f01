"""Whether the descriptors of plug-ins say what a plug-in must, and which modules they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_descriptors.documents import DocumentError, parse_toml
from mesh_descriptors.plugin import PluginDescriptor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_descriptors.errors import Problem
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.plan import Plan
    from mesh_scaffold.tree import Tree

FILE = "plugin.toml"


def is_descriptor(path: str, project: ProjectFile) -> bool:
    """Whether the file describes a plug-in of the project: `<plugins>/<name>/plugin.toml`."""
    folder, _, name = path.rpartition("/")
    return name == FILE and folder.rpartition("/")[0] in project.paths.plugins


def descriptor_problems(path: str, content: bytes) -> Sequence[Problem]:
    """What is wrong with a descriptor that is TOML."""
    try:
        parse_toml(content.decode("utf-8"), PluginDescriptor, path)
    except DocumentError as error:
        return error.problems
    return ()


def entry_modules(tree: Tree, plan: Plan, project: ProjectFile) -> list[str]:
    """The files of the modules that the plug-ins which a plan writes are loaded from."""
    found = []
    for change in plan.changes:
        if change.after is None or not is_descriptor(change.path, project):
            continue
        folder = change.path.rpartition("/")[0]
        descriptor = parse_toml(change.after.content.decode("utf-8"), PluginDescriptor, change.path)
        for module in descriptor.entry:
            file = f"{folder}/{module.replace('.', '/')}.py"
            found.append(file if tree.exists(file) else f"{file.removesuffix('.py')}/__init__.py")
    return found
