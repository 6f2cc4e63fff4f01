"""The code of a validator: a pydantic model whose fields carry the spec's bounds and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from mesh_scaffold.render.literals import py
from mesh_scaffold.spec.model import UNSET
from mesh_scaffold.targets.python.code import WIDTH, laid_out, laid_out_value
from mesh_scaffold.targets.python.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.targets.python.kinds import Import

FACTORY = "default_factory=lambda: "
TAKEN = frozenset(name for name in dir(BaseModel) if not name.startswith("__")) | {
    *("list", "str", "int", "bool", "float", "date", "datetime", "UUID", "Decimal", "Literal", "Annotated", "Field"),
    *("BaseModel", "ConfigDict"),
    "l",
}
"""Names that a pydantic model's field cannot have without hiding what the model itself uses; and `l`, which linters
refuse because it looks like 1."""


@dataclass(frozen=True, slots=True)
class ModelCode:
    """The parts of a validator's code.

    Attributes:
        aliases: definitions of types that are too long for the field's own line.
        functions: functions that make the defaults whose types mypy cannot tell from a lambda.
        lines: the fields.
        imports: what both need.
        renamed: whether a field has another name in Python than in the API.
    """

    aliases: tuple[str, ...]
    functions: tuple[str, ...]
    lines: tuple[str, ...]
    imports: frozenset[Import]
    renamed: bool


def model_code(spec: PostTypeSpec, refs: Mapping[str, RefSection]) -> ModelCode:
    """The fields of the model that checks `spec`'s columns, or its payload."""
    written = [_FieldCode(spec, field, refs) for field in spec.fields]
    return ModelCode(
        aliases=tuple(alias for code in written for alias in code.aliases()),
        functions=tuple(function for code in written for function in code.functions()),
        lines=tuple(code.line() for code in written),
        imports=frozenset(found for code in written for found in code.imports()),
        renamed=any(code.attribute != code.api_name for code in written),
    )


class _FieldCode:
    """One field's annotation and default."""

    def __init__(self, spec: PostTypeSpec, field: Field, refs: Mapping[str, RefSection]) -> None:
        self._field = field
        self._kind = kind_of(field.type, refs)
        self.api_name = str(field.name if spec.storage == "json" else spec.column_of(field))
        self.attribute = f"{self.api_name}_" if self.api_name in TAKEN else self.api_name
        parts = f"{spec.name}_{field.name}".split("_")
        self._alias = "".join(part.capitalize() for part in parts)

    def imports(self) -> Iterator[Import]:
        yield from self._kind.checked_imports
        if "Annotated" in self._item():
            yield ("typing", "Annotated")
        if "Field(" in self.line() or "Field(" in self._item():
            yield ("pydantic", "Field")
        if self._field.type.name == "json" and self._default_function:
            yield ("pydantic", "JsonValue")
        yield from _imports_of_values(self._field.default, self._field.min, self._field.max)

    def aliases(self) -> Iterator[str]:
        """The item's type by name, when it does not fit into the field's line."""
        if not self._needs_alias():
            return
        if self._field.values:
            yield laid_out("", f"{self._alias} = Literal", "[", self._values(), "]", hug=False)
        else:
            field = laid_out("    ", "", "Field(", self._bounds(), "),").lstrip()
            yield f"{self._alias} = Annotated[\n    {self._kind.checked},\n    {field}\n]"

    def functions(self) -> Iterator[str]:
        """What makes the default, when it is a list of enum values, or a JSON list or object."""
        if not self._default_function:
            return
        item = "JsonValue" if self._field.type.name == "json" else self._alias if self._needs_alias() else self._item()
        returned = f"list[{item}]" if self._field.type.is_list else item
        body = laid_out_value("    ", "return ", self._field.default, "")
        yield f"def {self._default_function}() -> {returned}:\n    {body}"

    @property
    def _default_function(self) -> str | None:
        needs = isinstance(self._field.default, tuple | list | dict) and bool(self._field.default)
        typed = bool(self._field.values) or self._field.type.name == "json"
        return f"_{self._field.name}_default" if needs and typed else None

    def line(self) -> str:
        head = f"{self.attribute}: {self._annotation()} = "
        arguments = self._arguments()
        if not arguments:
            return f"    {head.removesuffix(' = ')}"
        if arguments[0].startswith("default=") and len(arguments) == 1 and not isinstance(self._field.default, str):
            return f"    {head}{arguments[0].removeprefix('default=')}"
        line = laid_out("    ", head, "Field(", arguments, ")")
        if max(map(len, line.splitlines())) <= WIDTH or not arguments[0].startswith(FACTORY):
            return line
        broken = laid_out_value(" " * 8, FACTORY, self._field.default, "")
        return laid_out("    ", head, "Field(", [broken, *arguments[1:]], ")")

    def _annotation(self) -> str:
        item = self._alias if self._needs_alias() else self._item()
        whole = f"list[{item}]" if self._field.type.is_list else item
        return whole if self._field.required else f"{whole} | None"

    def _item(self) -> str:
        """The annotation of a value; of a list's item with its bounds."""
        if self._field.values:
            return f"Literal[{', '.join(self._values())}]"
        bounds = self._bounds()
        if self._field.type.is_list and bounds:
            return f"Annotated[{self._kind.checked}, Field({', '.join(bounds)})]"
        return self._kind.checked

    def _needs_alias(self) -> bool:
        is_long = len(f"    {self.attribute}: list[{self._item()}] | None = Field(") > WIDTH
        return is_long and (bool(self._field.values) or self._field.type.is_list)

    def _values(self) -> list[str]:
        return [py(value) for value in self._field.values]

    def _arguments(self) -> list[str]:
        field = self._field
        arguments = list(_default(field.default, self._default_function, required=field.required))
        if self.attribute != self.api_name:
            arguments.append(f"alias={py(self.api_name)}")
        if field.type.is_list:
            return arguments + _given(min_length=field.min_items, max_length=field.max_items)
        return arguments + self._bounds()

    def _bounds(self) -> list[str]:
        field = self._field
        lengths = {"min_length": field.min_length, "max_length": field.max_length, "pattern": field.pattern}
        return _given(ge=field.min, le=field.max, **lengths)


def _default(value: Any, function: str | None, *, required: bool) -> Iterator[str]:
    if isinstance(value, tuple | list | dict):
        empty = "dict" if isinstance(value, dict) else "list"
        yield f"{FACTORY}{py(value)}" if value and not function else f"default_factory={function or empty}"
    elif value is not UNSET:
        yield f"default={py(value)}"
    elif not required:
        yield "default=None"


def _given(**arguments: Any) -> list[str]:
    return [f"{name}={py(value)}" for name, value in arguments.items() if value is not None]


def _imports_of_values(*values: Any) -> Iterator[Import]:
    for value in values:
        if isinstance(value, tuple):
            yield from _imports_of_values(*value)
        elif isinstance(value, datetime):
            yield from (("datetime", "datetime"), ("datetime", "UTC"))
        elif isinstance(value, date):
            yield ("datetime", "date")
        elif isinstance(value, Decimal):
            yield ("decimal", "Decimal")
