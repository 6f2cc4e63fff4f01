"""The option that says how much of a plan is verified before it is written."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from mesh_scaffold.verify import require_verified, verify

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.plan import Plan
    from mesh_scaffold.tree import Tree


class Verify(StrEnum):
    """The levels, as the engine calls them."""

    NONE = "none"
    REQUIRED = "required"
    ALL = "all"


VerifyOption: TypeAlias = Annotated[
    Verify,
    typer.Option(
        "--verify",
        help="Before the write: required (files parse, and PostgreSQL takes the SQL if a database runs), all (what is "
        "touched can be imported too, and the migrations run on a throw-away database), none.",
    ),
]


def verified(tree: Tree, plan: Plan, level: Verify, root: Path, project: ProjectFile) -> Plan:
    """The plan, with what the user should know of it.

    Raises:
        VerifyError: what it would write is broken and was not before.
    """
    found = verify(tree, plan, level.value, root, project, os.environ)
    return replace(plan, notices=(*plan.notices, *require_verified(found)))
