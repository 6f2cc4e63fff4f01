"""The specs of a project: which files they are, and what they say."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.spec.findings import SpecError
from mesh_scaffold.spec.names import name_problem
from mesh_scaffold.spec.read import read_spec

if TYPE_CHECKING:
    from mesh_descriptors.errors import Problem
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.spec.model import PostTypeSpec
    from mesh_scaffold.tree import Tree

SUFFIX = ".yaml"


class NoSpecError(MeshError):
    """There is no such spec, or it is not where specs are."""


class SpecExistsError(MeshError):
    """The spec that the command line stands for is there already and says something else."""


def refs_of(project: ProjectFile) -> tuple[str, ...]:
    """What `ref[...]` may name in this project."""
    return tuple(project.refs) or ("user", "post")


def spec_path(project: ProjectFile, name: str) -> str:
    """Where the spec called `name` is kept.

    Raises:
        SpecError: it cannot be a name.
    """
    if problem := name_problem(name):
        raise SpecError(problem[0], remedy=problem[1])
    return f"{project.paths.specs}/{name}{SUFFIX}"


def load_spec(tree: Tree, project: ProjectFile, path: str) -> PostTypeSpec:
    """The spec in the file `path`, relative to the project.

    Raises:
        NoSpecError: there is no such file, or it is not in the folder of specs.
        SpecError: with all that is wrong with it.
    """
    folder = project.paths.specs
    if PurePosixPath(path).parent != PurePosixPath(folder) or not path.endswith(SUFFIX):
        raise NoSpecError("is no spec of this project", place=Place(path),
                          remedy=f"Specs are {folder}/<name>{SUFFIX}; move the file there.")  # fmt: skip
    content = tree.read(path)
    if content is None:
        raise NoSpecError("no such file", place=Place(path),
                          remedy=f"Write it, or name its fields: mesh new post-type {PurePosixPath(path).stem} "
                                 "--field title:string")  # fmt: skip
    return read_spec(content, path, refs_of(project))


def write_spec(tree: Tree, project: ProjectFile, path: str, text: str) -> PostTypeSpec:
    """Put a spec that the command line stands for into the tree; one that is there and says the same stays as it is.

    Raises:
        SpecError: it cannot be a spec.
        SpecExistsError: the file is there and says something else.
    """
    spec = read_spec(text.encode("utf-8"), path, refs_of(project))
    if not tree.exists(path):
        tree.write(path, text)
        return spec
    present = load_spec(tree, project, path)
    if present != spec:
        remedy = f"Edit the file and leave --field out: mesh new post-type {path}"
        raise SpecExistsError("exists and says something else", place=Place(path), remedy=remedy)
    return present


def all_specs(tree: Tree, project: ProjectFile) -> tuple[tuple[PostTypeSpec, ...], tuple[Problem, ...]]:
    """Every spec of the project that can be read, by name, and what is wrong with the others."""
    specs: list[PostTypeSpec] = []
    problems: list[Problem] = []
    for path in tree.list(project.paths.specs, SUFFIX):
        try:
            specs.append(load_spec(tree, project, path))
        except MeshError as error:
            problems += error.problems
    return tuple(specs), tuple(problems)
