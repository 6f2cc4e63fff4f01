"""Members of a class body: a value of an enum, an annotated field of a model."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from mesh_scaffold.targets.python.code import WIDTH, broken_call
from mesh_scaffold.targets.python.edits.blocks import add_statement, remove_statement
from mesh_scaffold.targets.python.edits.find import find_class, targets_of
from mesh_scaffold.targets.python.edits.quotes import quoted_like
from mesh_scaffold.targets.python.edits.result import Edited, Insertion, Span, added, found, removed
from mesh_scaffold.targets.python.edits.source import Refused, Source


@dataclass(frozen=True, slots=True)
class EnumMember:
    """`POLL = "POLL"` in an enum, behind its last member."""

    class_name: str
    member: str
    value: str

    @property
    def owner(self) -> str:
        """`PostType`."""
        return self.class_name

    @property
    def syntax_path(self) -> str:
        """`PostType.POLL`."""
        return f"{self.class_name}.{self.member}"

    @property
    def wanted(self) -> str:
        """`POLL = "POLL"`."""
        return f'{self.member} = "{self.value}"'

    def home(self, source: Source) -> int:
        """The line of the class."""
        return line_of_class(source, self.class_name)

    def locate(self, source: Source) -> Span | Refused | None:
        """Refused when the member has another value, or another member has the value."""
        owner = find_class(source, self.class_name)
        if isinstance(owner, Refused):
            return owner
        for statement in owner.body:
            named = _assigned_name(statement) == self.member
            value = getattr(getattr(statement, "value", None), "value", None)
            if named and value in (self.value, None):
                return Span(source.start(statement), source.end(statement))
            if named or (value == self.value and _assigned_name(statement)):
                wanted = f"{self.syntax_path} is to be {self.value!r}"
                message = f"has {source.code(statement)}, but {wanted}"
                return Refused(message, "Rename the type, or correct the member.", statement.lineno)
        return None

    def ensure(self, source: Source) -> Edited | Refused:
        """The enum with the member."""
        place = self.locate(source)
        if isinstance(place, Refused):
            return place
        if place:
            return found(source, self.syntax_path, place)
        owner = find_class(source, self.class_name)
        assert not isinstance(owner, Refused)
        neighbour = next((statement for statement in reversed(owner.body) if _assigned_name(statement)), None)
        return added(
            source, self.syntax_path, add_statement(source, owner, owner.body, neighbour, self.written(source))
        )

    def written(self, source: Source) -> str:
        """The member, in the quotes of the others."""
        owner = find_class(source, self.class_name)
        if isinstance(owner, Refused):
            return f"{self.member} = {quoted_like(source, [], self.value)}"
        value = quoted_like(source, [each for each in owner.body if _assigned_name(each)], self.value)
        code = f"{self.member} = {value}"
        if len(source.indent_at(source.start(owner.body[0])) + code) > WIDTH:
            return f"{self.member} = {broken_call(f'({value})', '', source.indent_unit)}"
        return code

    def place(self, source: Source) -> Span | Refused | None:
        """The member, whatever its value."""
        return _statement_of(source, self.class_name, self.member)

    def subtract(self, source: Source, insertion: Insertion) -> Source | Refused:
        """The enum without the member."""
        return _subtracted(source, self.place(source), insertion)


@dataclass(frozen=True, slots=True)
class ClassField:
    """`poll_question: str | None = None` in a model, behind its last field.

    Attributes:
        class_name: the model.
        name: the field.
        annotation: its type.
        default: its default's code; None for none.
        any_type: whether a field of that name will do, whatever its type.
        new_group: whether a blank line goes before it where the class sets groups of fields apart by such.
        behind: the fields that it belongs to: it goes behind the first of them that is there.
    """

    class_name: str
    name: str
    annotation: str
    default: str | None = "None"
    any_type: bool = False
    new_group: bool = False
    behind: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """`Post`; which type the field has there is for people to say, where no spec tells."""
        return f"{self.class_name}, with the type that the validator gives it" if self.any_type else self.class_name

    @property
    def syntax_path(self) -> str:
        """`Post.poll_question`."""
        return f"{self.class_name}.{self.name}"

    @property
    def wanted(self) -> str:
        """`poll_question: str | None = None`."""
        default = f" = {self.default}" if self.default is not None else ""
        return f"{self.name}: {self.annotation}{default}"

    def home(self, source: Source) -> int:
        """The line of the class."""
        return line_of_class(source, self.class_name)

    def locate(self, source: Source) -> Span | Refused | None:
        """Refused when the field is there with another type."""
        owner = find_class(source, self.class_name)
        if isinstance(owner, Refused):
            return owner
        for statement in owner.body:
            if not isinstance(statement, ast.AnnAssign) or _assigned_name(statement) != self.name:
                continue
            has = source.code(statement.annotation)
            if self.any_type or _names(statement.annotation) == _names(ast.parse(self.annotation, mode="eval").body):
                return Span(source.start(statement), source.end(statement))
            message = f"{self.syntax_path} is {has}, but {self.annotation} is needed"
            return Refused(message, "Give the field another `column:`, or correct the annotation.", statement.lineno)
        return None

    def ensure(self, source: Source) -> Edited | Refused:
        """The model with the field."""
        place = self.locate(source)
        if isinstance(place, Refused):
            return place
        if place:
            return found(source, self.syntax_path, place)
        owner = find_class(source, self.class_name)
        assert not isinstance(owner, Refused)
        fields = [statement for statement in owner.body if isinstance(statement, ast.AnnAssign)]
        settings = [statement for statement in owner.body if _assigned_name(statement)]
        by_name = {_assigned_name(field): field for field in fields}
        beside = next((by_name[name] for name in self.behind if name in by_name), None)
        neighbour = beside or (fields or settings or [None])[-1]
        gap = source.newline if self.new_group and beside is None and _in_groups(source, fields) else ""
        addition = add_statement(source, owner, owner.body, neighbour, self.wanted, gap)
        return added(source, self.syntax_path, addition)

    def written(self, source: Source) -> str:
        """The field: nothing of it depends on the file."""
        del source
        return self.wanted

    def place(self, source: Source) -> Span | Refused | None:
        """The field, whatever its type."""
        return _statement_of(source, self.class_name, self.name)

    def subtract(self, source: Source, insertion: Insertion) -> Source | Refused:
        """The model without the field."""
        return _subtracted(source, self.place(source), insertion)


def line_of_class(source: Source, name: str) -> int:
    """The line of a class; 1 when there is none."""
    owner = find_class(source, name)
    return 1 if isinstance(owner, Refused) else owner.lineno


def fields_of(source: Source, class_name: str) -> dict[str, int] | Refused:
    """The annotated fields of a class and their lines."""
    owner = find_class(source, class_name)
    if isinstance(owner, Refused):
        return owner
    fields = (statement for statement in owner.body if isinstance(statement, ast.AnnAssign))
    return {name: field.lineno for field in fields if (name := _assigned_name(field))}


def members_of(source: Source, class_name: str) -> dict[str, int] | Refused:
    """The members of an enum and their lines, in order."""
    owner = find_class(source, class_name)
    if isinstance(owner, Refused):
        return owner
    members = (statement for statement in owner.body if isinstance(statement, ast.Assign))
    names = {_assigned_name(member): member.lineno for member in members}
    return {name: line for name, line in names.items() if name and not name.startswith("_")}


def _statement_of(source: Source, class_name: str, name: str) -> Span | Refused | None:
    owner = find_class(source, class_name)
    if isinstance(owner, Refused):
        return owner
    found = (Span(source.start(each), source.end(each)) for each in owner.body if _assigned_name(each) == name)
    return next(found, None)


def _subtracted(source: Source, place: Span | Refused | None, insertion: Insertion) -> Source | Refused:
    if place is None:
        return source
    if isinstance(place, Refused):
        return place
    splices = remove_statement(source, place.start, place.end, insertion.before, insertion.after)
    return removed(source, place, insertion, splices)


def _assigned_name(statement: ast.stmt) -> str | None:
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else list(targets_of(statement))
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


def _in_groups(source: Source, fields: list[ast.AnnAssign]) -> bool:
    """Whether a blank line stands between two fields."""
    return any(not source.lines[field.lineno - 2].strip() for field in fields[1:])


def _names(annotation: ast.expr) -> frozenset[str]:
    """What an annotation is made of, `Optional[X]` like `X | None`; layout and modules do not count."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _names(ast.parse(annotation.value, mode="eval").body)
    names: set[str] = set()
    pending: list[ast.AST] = [annotation]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
            continue
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Constant):
            names.add(str(node.value))
        pending.extend(ast.iter_child_nodes(node))
    return frozenset(names - {"None", "Optional", "Union", "Annotated"})
