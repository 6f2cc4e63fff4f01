"""Verifies a plan before it is written.

Required: every file that it writes parses, and its SQL is PostgreSQL's, as far as a server is at hand. On request:
what it touches can be imported, and its migrations run on a throw-away database. A failure counts only when it is new:
a tree that was broken before is not locked out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from mesh_descriptors.errors import MeshError
from mesh_scaffold.database import NoDatabaseError, connect, database_at_hand
from mesh_scaffold.verify.parsing import syntax_problem
from mesh_scaffold.verify.plugins import descriptor_problems, is_descriptor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mesh_descriptors.errors import Problem
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.plan import Plan
    from mesh_scaffold.tree import Change, Tree

Level: TypeAlias = Literal["none", "required", "all"]
"""How much is verified before a write."""


class VerifyError(MeshError):
    """What would be written is broken; nothing was written."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found.

    Attributes:
        problems: what would be broken and was not before.
        notices: what was broken before, and what could not be looked at.
    """

    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()


def verify(
    tree: Tree, plan: Plan, level: Level, root: Path, project: ProjectFile, environ: Mapping[str, str]
) -> Verified:
    """Look at what a plan would write, before it is written.

    Args:
        tree: the project as the plan makes it.
        plan: what is to be written.
        level: how much to look at.
        root: the project's folder.
        project: its `mesh.toml`.
        environ: names the database, if it does; what is imported sees none of it.
    """
    marked = {problem.place.path for problem in plan.conflicts if problem.place}  # waits for the user to resolve it
    written = [change for change in plan.changes if change.after is not None and change.path not in marked]
    if level == "none" or not written:
        return Verified()
    found = [_syntax(written), _descriptors(written, project), _sql(written, root, environ)]
    if level == "all" and not any(each.problems for each in found):
        from mesh_scaffold.verify.imports import import_problems  # lazily: on request only
        from mesh_scaffold.verify.trial import trial_problems

        found.append(Verified(*import_problems(tree, plan, root, project)))
        found.append(Verified(*trial_problems(tree, plan, root, project, environ)))
    problems = (problem for each in found for problem in each.problems)
    return Verified(tuple(problems), tuple(notice for each in found for notice in each.notices))


def require_verified(verified: Verified) -> tuple[str, ...]:
    """The notices.

    Raises:
        VerifyError: with all problems.
    """
    if verified.problems:
        raise VerifyError(problems=verified.problems)
    return verified.notices


def _syntax(written: Sequence[Change]) -> Verified:
    problems, notices = [], []
    for change in written:
        assert change.after is not None, "only what is written is looked at"
        problem = syntax_problem(change.path, change.after.content)
        if problem is None:
            continue
        if change.before is not None and syntax_problem(change.path, change.before.content):
            notices.append(f"{change.path} did not parse before and does not now: {problem.message}")
        else:
            problems.append(problem)
    return Verified(tuple(problems), tuple(notices))


def _descriptors(written: Sequence[Change], project: ProjectFile) -> Verified:
    problems: list[Problem] = []
    notices = []
    for change in written:
        assert change.after is not None, "only what is written is looked at"
        if not is_descriptor(change.path, project) or syntax_problem(change.path, change.after.content):
            continue
        found = descriptor_problems(change.path, change.after.content)
        if found and change.before is not None and descriptor_problems(change.path, change.before.content):
            notices.append(f"{change.path} was no descriptor of a plug-in before and is none now: {found[0].message}")
        else:
            problems += found
    return Verified(tuple(problems), tuple(notices))


def _sql(written: Sequence[Change], root: Path, environ: Mapping[str, str]) -> Verified:
    files = [change for change in written if change.path.endswith(".sql")]
    if not files:
        return Verified()
    url = database_at_hand(root, environ)
    if url is None:
        return Verified(notices=("no database runs: the SQL was not checked. Start one: mesh db up",))
    from mesh_scaffold.verify.sql import sql_problem  # lazily: it loads the database's driver

    problems, notices = [], []
    try:
        with connect(url) as connection:
            for change in files:
                assert change.after is not None, "only what is written is looked at"
                problem = sql_problem(connection, change.path, change.after.content)
                if problem is None:
                    continue
                if change.before is not None and sql_problem(connection, change.path, change.before.content):
                    notices.append(f"{change.path} was not PostgreSQL's before and is not now: {problem.message}")
                else:
                    problems.append(problem)
    except NoDatabaseError as error:
        return Verified(notices=(f"the SQL was not checked: {error.problems[0].message}",))
    return Verified(tuple(problems), tuple(notices))
