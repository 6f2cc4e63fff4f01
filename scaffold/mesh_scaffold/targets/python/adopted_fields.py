"""The fields of a hand-written validator, as a spec would say them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mesh_descriptors.errors import Place
from mesh_scaffold.targets.adopting import AdoptError
from mesh_scaffold.targets.python.edits import Refused
from mesh_scaffold.targets.python.edits.find import find_class, find_value

if TYPE_CHECKING:
    from mesh_scaffold.targets.python.edits import Source

TYPES = {
    "str": "string", "int": "int", "BigInt": "int", "float": "float", "FiniteFloat": "float", "Decimal": "decimal",
    "bool": "bool", "date": "date", "datetime": "datetime", "AwareDatetime": "datetime", "Moment": "datetime",
    "WebUrl": "url", "HttpUrl": "url", "AnyUrl": "url", "MediaUrl": "image", "Json": "json", "JsonValue": "json",
    "dict": "json", "UUID": "uuid", "Any": "json",
}  # fmt: skip
"""What an annotation is in a spec; "uuid" is only ever a reference."""
_MEDIA = {"audio": ("audio", "sound", "song", "track", "voice"), "video": ("video", "clip", "movie"),
          "file": ("file", "attachment", "document", "pdf")}  # fmt: skip
_BOUNDS = {"ge": "min", "le": "max", "min_length": "min_length", "max_length": "max_length", "pattern": "pattern"}
_SILENT = frozenset({"default", "default_factory", "alias", "strict", "title", "validate_default", "strip_whitespace"})


@dataclass(slots=True)
class AdoptedField:
    """A field of a validator.

    Attributes:
        name: as the API calls it.
        line: where it stands.
        keys: what a spec says of it: "type", "required", "default", bounds.
        lost: what the code says and a spec cannot.
    """

    name: str
    line: int
    keys: dict[str, Any] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


def adopted_fields(source: Source, class_name: str, file: str) -> list[AdoptedField]:
    """The fields of a validator, in its order.

    Raises:
        AdoptError: there is no such class, or a field is of a type that no spec has; all such fields at once.
    """
    owner = find_class(source, class_name)
    if isinstance(owner, Refused):
        raise AdoptError(owner.message, place=Place(file, owner.line), remedy=owner.remedy)
    found = [
        _Reader(source, file).field(each) for each in owner.body if isinstance(each, ast.AnnAssign) and _is_field(each)
    ]
    problems = [problem for each in found if isinstance(each, AdoptError) for problem in each.problems]
    if problems:
        raise AdoptError(problems=problems)
    return [each for each in found if isinstance(each, AdoptedField)]


def other_rules(source: Source, class_name: str) -> list[int]:
    """The lines of the methods of a validator: rules that a spec does not know."""
    owner = find_class(source, class_name)
    methods = [] if isinstance(owner, Refused) else owner.body
    return [each.lineno for each in methods if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]


def _is_field(statement: ast.AnnAssign) -> bool:
    return isinstance(statement.target, ast.Name) and _name(statement.annotation) != "ClassVar"


class _Reader:
    """Reads one field."""

    def __init__(self, source: Source, file: str) -> None:
        self._source = source
        self._file = file

    def field(self, statement: ast.AnnAssign) -> AdoptedField | AdoptError:
        assert isinstance(statement.target, ast.Name)
        made = AdoptedField(statement.target.id, statement.lineno, {"required": True})
        if not self._annotation(statement.annotation, made):
            code = self._source.code(statement.annotation)
            return AdoptError(
                f"the field {made.name} is {code}, which no type of a spec is",
                place=Place(self._file, made.line),
                remedy="Write the spec by hand, with the type that comes nearest.",
            )
        self._value(statement.value, made)
        if made.keys["type"] == "image":
            parts = made.name.lower()
            made.keys["type"] = next(
                (kind for kind, words in _MEDIA.items() if any(w in parts for w in words)), "image"
            )
        return made

    def _annotation(self, node: ast.expr, made: AdoptedField, depth: int = 5) -> bool:
        """Read a type into `made`; whether it is one of a spec."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and _is_none(node.right):
            made.keys["required"] = False
            return self._annotation(node.left, made, depth)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, made, depth)
        name = _name(node)
        if name not in TYPES and depth and isinstance(node, ast.Name):
            alias = find_value(self._source.tree, name, "the module")
            return not isinstance(alias, Refused) and self._annotation(alias, made, depth - 1)
        if name in TYPES:
            made.keys["type"] = TYPES[name]
        return name in TYPES

    def _subscript(self, node: ast.Subscript, made: AdoptedField, depth: int) -> bool:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        match _name(node.value):
            case "Optional":
                made.keys["required"] = False
                return self._annotation(parts[0], made, depth)
            case "Annotated":
                known = self._annotation(parts[0], made, depth)
                for extra in parts[1:]:
                    self._arguments(extra, made)
                return known
            case "Literal":
                made.keys |= {
                    "type": "enum",
                    "values": [each.value for each in parts if isinstance(each, ast.Constant)],
                }
                return all(isinstance(value, str) for value in made.keys["values"])
            case "list" | "List":
                known = self._annotation(parts[0], made, depth)
                made.keys["type"] = f"list[{made.keys.get('type')}]"
                return known
            case "dict" | "Dict":
                made.keys["type"] = "json"
                return True
        return False

    def _value(self, node: ast.expr | None, made: AdoptedField) -> None:
        if node is None:
            return
        if isinstance(node, ast.Call) and _name(node.func) == "Field":
            self._arguments(node, made)
            default = node.args[0] if node.args else _argument(node, "default")
            factory = _argument(node, "default_factory")
            alias = _argument(node, "alias")
            if isinstance(alias, ast.Constant):
                made.name = str(alias.value)
            if factory is not None:
                default = factory.body if isinstance(factory, ast.Lambda) else ast.Constant(...)
                default = ast.List([]) if _name(factory) == "list" else default
        else:
            default = node
        self._default(default, made)

    def _default(self, node: ast.expr | None, made: AdoptedField) -> None:
        if node is None or _is_none(node) or (isinstance(node, ast.Constant) and node.value is ... and not made.lost):
            return
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError):
            made.lost.append("its default")
            return
        if value is not ...:
            made.keys["default"] = value

    def _arguments(self, node: ast.expr, made: AdoptedField) -> None:
        """The bounds of `Field(...)` or `StringConstraints(...)`; what else it says is lost."""
        if not isinstance(node, ast.Call) or _name(node.func) not in {"Field", "StringConstraints"}:
            made.lost.append(self._source.code(node))
            return
        for keyword in node.keywords:
            name = str(keyword.arg)
            is_items = made.keys.get("type", "").startswith("list[") and name in {"min_length", "max_length"}
            key = name.replace("length", "items") if is_items else _BOUNDS.get(name)
            if key and isinstance(keyword.value, ast.Constant | ast.UnaryOp):
                made.keys[key] = ast.literal_eval(keyword.value)
            elif name not in _SILENT:
                made.lost.append(f"{name}={self._source.code(keyword.value)}")


def _argument(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
