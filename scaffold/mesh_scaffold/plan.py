"""A plan: what a command would do to the files of a project, as a value that can be shown, kept and applied."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mesh_scaffold.diff import unified_diff
from mesh_scaffold.tree import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_descriptors.errors import Problem
    from mesh_scaffold.tree import Change, Stored, Tree

FORMAT = 1
OWN_FOLDER = ".mesh/"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written, and on which state of the project it rests.

    Attributes:
        command: what was asked for, as a user types it: "new post-type poll".
        changes: the files that differ, by path.
        hashes: the sha256 of every file that was read or is to be written, by path; None for one that is absent.
        notices: what the user should know.
        warnings: what the user should look at.
        conflicts: what both the user and the generator changed: it is marked in the files, and waits for the user.
        undoes: the number of the change that this plan takes back; None for any other plan.
    """

    command: str
    changes: tuple[Change, ...] = ()
    hashes: Mapping[str, str | None] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    conflicts: tuple[Problem, ...] = ()
    undoes: int | None = None

    @classmethod
    def of(cls, tree: Tree, command: str, notices: tuple[str, ...] = (), warnings: tuple[str, ...] = ()) -> Plan:
        """The plan to make the files what `tree` says."""
        return cls(command, tree.changes(), tree.hashes(), notices, warnings)

    @property
    def creates(self) -> tuple[Change, ...]:
        """The files that are new."""
        return tuple(change for change in self.changes if kind_of(change) == "create")

    @property
    def edits(self) -> tuple[Change, ...]:
        """The files that were there and stay."""
        return tuple(change for change in self.changes if kind_of(change) == "edit")

    @property
    def deletes(self) -> tuple[Change, ...]:
        """The files that go."""
        return tuple(change for change in self.changes if kind_of(change) == "delete")

    def diff(self, *, records: bool = True) -> str:
        """The changes as one unified diff, which `git apply` takes; mesh's own records come last, if at all."""
        own = tuple(change for change in self.changes if change.path.startswith(OWN_FOLDER))
        others = tuple(change for change in self.changes if change not in own)
        return "".join(unified_diff(change) for change in (*others, *(own if records else ())))

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object. A file's content is `text` when it is UTF-8, else `base64`."""
        return {
            "format": FORMAT,
            "command": self.command,
            "changes": [_change_to_json(change) for change in self.changes],
            "hashes": dict(self.hashes),
            "notices": list(self.notices),
            "warnings": list(self.warnings),
            "conflicts": [problem.to_json() for problem in self.conflicts],
        }


def kind_of(change: Change) -> Literal["create", "edit", "delete"]:
    """What happens to the file."""
    if change.before is None:
        return "create"
    return "delete" if change.after is None else "edit"


def _change_to_json(change: Change) -> dict[str, Any]:
    return {
        "path": change.path,
        "kind": kind_of(change),
        "before": {"sha256": digest(change.before.content), "mode": _octal(change.before)} if change.before else None,
        "after": {**_content(change.after.content), "mode": _octal(change.after)} if change.after else None,
    }


def _octal(stored: Stored) -> str:
    return f"{stored.mode:04o}"


def _content(content: bytes) -> dict[str, str]:
    try:
        return {"text": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode("ascii")}
