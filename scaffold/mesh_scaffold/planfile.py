"""A plan that was written to a file, read back with suspicion: it changes nothing outside of the project."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.project import PROJECT_FILE
from mesh_scaffold.base import TreeError, checked_path, digest
from mesh_scaffold.lock import LOCAL
from mesh_scaffold.plan import FORMAT, Plan
from mesh_scaffold.tree import Stored, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_scaffold.base import Base


class PlanFileError(MeshError):
    """The file is not a plan that mesh wrote."""


class MovedPlanError(MeshError):
    """Files are not what they were when the plan was made. Nothing was written."""

    exit_code = 1


def _own_path(path: str) -> str:
    try:
        checked_path(path)
    except TreeError as error:
        raise ValueError(error.problems[0].message) from error  # its remedy is that of all plans
    if f"{path}/".lower().startswith(f"{LOCAL}/"):
        raise ValueError(f"{path!r} is mesh's own")
    return path


def _printable(text: str) -> str:
    if not text.replace("\n", "").replace("\t", "").isprintable():
        raise ValueError("holds characters that control a terminal")
    return text


def _mode(text: str) -> str:
    if int(text, 8) & ~0o777:
        raise ValueError("holds more than the permission bits")
    return text


ProjectPath = Annotated[str, AfterValidator(_own_path)]
Text = Annotated[str, AfterValidator(_printable)]
Mode = Annotated[str, Field(pattern=r"^[0-7]{4}$"), AfterValidator(_mode)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Before(_Part):
    sha256: Sha256
    mode: Mode


class _After(_Part):
    mode: Mode
    text: str | None = None
    base64: str | None = None

    @model_validator(mode="after")
    def _one_content(self) -> _After:
        if (self.text is None) == (self.base64 is None):
            raise ValueError("has either text or base64")
        self.content()
        return self

    def content(self) -> bytes:
        """The file's bytes."""
        if self.base64 is None:
            return (self.text or "").encode("utf-8")
        try:
            return base64.b64decode(self.base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"base64: {error}") from error


class _Change(_Part):
    path: ProjectPath
    kind: Literal["create", "edit", "delete"]
    before: _Before | None
    after: _After | None

    @model_validator(mode="after")
    def _kind_is_true(self) -> _Change:
        kinds = {(True, False): "create", (False, False): "edit", (False, True): "delete"}
        if kinds.get((self.before is None, self.after is None)) != self.kind:
            raise ValueError(f"is no {self.kind}")
        return self


class _Where(_Part):
    path: Text | None = None
    line: int | None = None
    column: int | None = None
    field: Text | None = None


class _Problem(_Part):
    message: Text
    place: _Where | None
    remedy: Text | None

    def problem(self) -> Problem:
        """The problem itself."""
        place = Place(self.place.path, self.place.line, self.place.column, self.place.field) if self.place else None
        return Problem(self.message, place, self.remedy)


class _Document(_Part):
    format: int
    command: Annotated[Text, Field(max_length=1000)]
    changes: tuple[_Change, ...]
    hashes: dict[ProjectPath, Sha256 | None]
    notices: tuple[Text, ...]
    warnings: tuple[Text, ...]
    conflicts: tuple[_Problem, ...] = ()
    applied: bool = False
    """`mesh ... --dry-run --json` says so; nobody reads it."""
    next: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _changes_rest_on_hashes(self) -> _Document:
        paths = [change.path for change in self.changes]
        if doubled := sorted({path for path in paths if paths.count(path) > 1}):
            raise ValueError(f"{doubled[0]!r} is changed twice")
        for change in self.changes:
            if change.path not in self.hashes or self.hashes[change.path] != (change.before and change.before.sha256):
                raise ValueError(f"{change.path!r}: hashes and before say different things")
        return self


def read_plan(content: bytes, shown: str, base: Base) -> Plan:
    """The plan that `content` holds, for the project over `base`.

    Args:
        content: the file's bytes.
        shown: how messages call the file.
        base: the project as it is now.

    Raises:
        PlanFileError: it is no plan, or of another format, or names a path that no plan may name; exit code 2.
        TreeError: a path leads out of the project, or something else than a file is there; exit code 2.
        MovedPlanError: files changed since the plan was made; exit code 1.
    """
    document = _parsed(content, shown)
    tree = Tree(base)
    if moved := [*_moved(document, base)]:
        if document.changes and all(_is_in_place(change, base) for change in document.changes):
            return Plan(document.command, notices=("this plan is applied already",))
        raise MovedPlanError(problems=moved)
    for change in document.changes:
        if change.after is None:
            tree.delete(change.path)
        else:
            tree.write(change.path, change.after.content(), _wanted_mode(change))
    changes = {change.path: change for change in tree.changes()}
    return Plan(
        document.command,
        tuple(changes.values()),
        dict(document.hashes),
        document.notices,
        document.warnings,
        tuple(problem.problem() for problem in document.conflicts),
    )


def tree_of(plan: Plan, base: Base) -> Tree:
    """The project as a plan makes it."""
    tree = Tree(base)
    for change in plan.changes:
        if change.after is None:
            tree.delete(change.path)
        else:
            tree.write(change.path, change.after.content, change.after.mode)
    return tree


def makes_project(content: bytes) -> bool:
    """Whether the file's plan makes a project where none is: nothing of it is believed but that."""
    try:
        changes = _Document.model_validate_json(content).changes
    except ValidationError:
        return False
    return any(change.path == PROJECT_FILE and change.before is None for change in changes)


def _parsed(content: bytes, shown: str) -> _Document:
    try:
        document = _Document.model_validate_json(content)
    except ValidationError as error:
        raise PlanFileError(problems=[_problem(dict(found), shown) for found in error.errors()]) from error
    if document.format != FORMAT:
        raise PlanFileError(
            f"has format {document.format}, this mesh reads {FORMAT}",
            place=Place(shown, field="format"),
            remedy="Make the plan again with this version of mesh.",
        )
    return document


def _problem(found: dict[str, Any], shown: str) -> Problem:
    where = ".".join(str(part) for part in found["loc"]) or None
    message = str(found["msg"]).removeprefix("Value error, ")
    return Problem(f"is no plan: {message}", Place(shown, field=where), "Make the plan again: mesh plan ... -o FILE")


def _moved(document: _Document, base: Base) -> Iterator[Problem]:
    changes = {change.path: change for change in document.changes}
    for path, expected in document.hashes.items():
        if base.canonical(path) != path:
            raise TreeError("is behind a symbolic link", place=Place(path), remedy="Make the plan again.")
        stored = base.read(path)
        if (digest(stored.content) if stored else None) != expected or _mode_moved(changes.get(path), stored):
            message = "was changed after the plan was made; nothing was written"
            yield Problem(message, Place(path), "Make the plan again.")


def _is_in_place(change: _Change, base: Base) -> bool:
    stored = base.read(change.path)
    if stored is None or change.after is None:
        return stored is None and change.after is None
    mode = _wanted_mode(change)
    return stored.content == change.after.content() and mode in {None, stored.mode}


def _mode_moved(change: _Change | None, stored: Stored | None) -> bool:
    """A plan that leaves the mode alone does not rest on it: it differs between two copies of a repository."""
    if stored is None or change is None or change.before is None or _wanted_mode(change) is None:
        return False
    return change.before.mode != f"{stored.mode:04o}"


def _wanted_mode(change: _Change) -> int | None:
    if change.after is None or (change.before and change.before.mode == change.after.mode):
        return None
    return int(change.after.mode, 8)
