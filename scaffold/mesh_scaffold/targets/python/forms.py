"""The controls of a form: what the browser checks before the server does, and how a value is read as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_scaffold.render import Code
from mesh_scaffold.render.literals import html
from mesh_scaffold.spec.plain import plain
from mesh_scaffold.targets.python.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.targets.python.kinds import Kind

ADDRESS_LENGTH = 2048
"""The longest address that the app takes (WebUrl and MediaUrl in its field kinds)."""
ROWS = 6
_INPUT_TYPES = {"number": "number", "date": "date", "datetime": "datetime-local", "url": "url"}
_HELP = {
    "media": "An address such as https://example.com/file, or a path on this server.",
    "datetime": "In your own time zone.",
    "json": "Any JSON.",
}


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form; what is Code is HTML.

    Attributes:
        name: its name in the API; `payload.title` inside the payload. The control's id too.
        label: what people read beside it.
        help: a sentence below it; None for none.
        hint: the bounds that the control itself does not show; None for none.
        input: the control; of a list, that of one item.
        preset: the attributes with a list's default and bounds.
        optional: whether it may stay empty.
        is_list: whether items are added one by one.
        is_check: whether it is a checkbox, which stands before its label.
    """

    name: Code
    label: str
    help: str | None
    hint: str | None
    input: Code
    preset: Code
    optional: bool
    is_list: bool
    is_check: bool


def form_fields(spec: PostTypeSpec, refs: Mapping[str, RefSection]) -> tuple[FormField, ...]:
    """The fields of a form, in the order of the spec."""
    return tuple(_form_field(spec, field, kind_of(field.type, refs)) for field in spec.fields)


def _form_field(spec: PostTypeSpec, field: Field, kind: Kind) -> FormField:
    name = f"payload.{field.name}" if spec.storage == "json" else str(spec.column_of(field))
    is_check = kind.control == "checkbox" and field.required and not field.type.is_list
    return FormField(
        name=Code(name),
        label=field.label,
        help=field.help or _help(field, kind),
        hint=_hint(field, kind),
        input=Code(_checkbox(field, name) if is_check else _control(field, kind, name)),
        preset=Code(_of_list(field) if field.type.is_list else ""),
        optional=not field.required,
        is_list=field.type.is_list,
        is_check=is_check,
    )


def _help(field: Field, kind: Kind) -> str | None:
    """What to write, where the control alone does not say it."""
    if field.type.ref is None:
        return _HELP.get(kind.control)
    return f"The id of each {field.type.ref}." if field.type.is_list else f"The id of a {field.type.ref}."


def _hint(field: Field, kind: Kind) -> str | None:
    """Bounds that no control shows: those in the data attributes, which the app's forms.js checks."""
    told = [_span(field.min_items, field.max_items, "items")] if field.type.is_list else []
    if kind.control == "datetime":
        told.append(_span(_moment(field.min), _moment(field.max)))
    if kind.control == "textarea" and field.pattern is not None:
        told.append(f"Must match {field.pattern}")
    return " ".join(filter(None, told)) or None


def _moment(value: object) -> str | None:
    return None if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def _span(least: object, most: object, what: str = "") -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f"From {least} {what}".rstrip() + "."
    return (f"Up to {most} {what}" if least is None else f"{least} to {most} {what}").rstrip() + "."


def _of_list(field: Field) -> str:
    values = {
        "data_value": _json_text(field.default) if field.has_default else None,
        "data_min_items": field.min_items or None,
        "data_max_items": field.max_items,
    }
    return _written(values)


def _checkbox(field: Field, name: str) -> str:
    return _tag("input", id=name, name=name, data_kind="bool", type="checkbox", checked=field.default is True)


def _control(field: Field, kind: Kind, name: str) -> str:
    named = {} if field.type.is_list else {"id": name, "name": name}
    attributes = {**named, "data_kind": kind.read_as}
    required = field.required and not field.type.is_list  # an item that is left empty is left out
    if kind.control in {"select", "checkbox"}:
        options = [(value, value) for value in field.values] or [("true", "Yes"), ("false", "No")]
        return _tag("select", **attributes, required=required) + _options(field, options) + "</select>"
    if kind.control in {"textarea", "json"}:
        rows = 2 if field.type.is_list else ROWS
        spelling = "false" if kind.control == "json" else None
        bounds = {**_lengths(field, kind), "data_pattern": field.pattern}
        tag = _tag("textarea", **attributes, rows=rows, **bounds, spellcheck=spelling, required=required)
        return f"{tag}\n{html(_preset(field))}</textarea>" if _preset(field) else f"{tag}</textarea>"
    inputmode = "url" if kind.control == "media" else None
    preset = None if kind.control == "datetime" else _preset(field)
    type_ = _INPUT_TYPES.get(kind.control, "text")
    bounds = {**_range(field, kind), **_lengths(field, kind), **_pattern(field)}
    return _tag("input", **attributes, type=type_, inputmode=inputmode, **bounds, value=preset, required=required)


def _options(field: Field, options: Iterable[tuple[str, str]]) -> str:
    chosen = _preset(field)
    empty = [("", "Choose…" if field.required or field.type.is_list else "—")]
    shown = [*([] if chosen and field.required else empty), *options]
    tags = (f"{_tag('option', value=value, selected=value == chosen)}{html(text)}</option>" for value, text in shown)
    return "".join(tags)


def _range(field: Field, kind: Kind) -> dict[str, Any]:
    if kind.control == "datetime":  # the control knows no zone: forms.js compares
        return {"data_min": plain(field.min), "data_max": plain(field.max)}
    if kind.control not in {"number", "date"}:
        return {}
    step = "any" if kind.read_as in {"float", "decimal"} else None
    return {"min": plain(field.min), "max": plain(field.max), "step": step}


def _lengths(field: Field, kind: Kind) -> dict[str, Any]:
    most = field.max_length
    if kind.control in {"url", "media"}:
        most = min(most or ADDRESS_LENGTH, ADDRESS_LENGTH)
    return {"minlength": field.min_length or None, "maxlength": most}


def _pattern(field: Field) -> dict[str, Any]:
    """HTML compares a pattern with the whole value; the spec's need only occur in it."""
    if field.pattern is None:
        return {}
    return {"pattern": rf"[\s\S]*(?:{field.pattern})[\s\S]*", "title": f"Must match {field.pattern}"}


def _preset(field: Field) -> str | None:
    if not field.has_default or field.type.is_list:
        return None
    is_text = isinstance(field.default, str) and field.type.name != "json"
    return field.default if is_text else _json_text(field.default, quoted=field.type.name == "json")


def _json_text(value: Any, *, quoted: bool = False) -> str:
    found = plain(value)
    return found if isinstance(found, str) and not quoted else json.dumps(found, ensure_ascii=False)


def _tag(tag: str, **attributes: Any) -> str:
    """An opening tag; attributes that are None or False are left out."""
    return f"<{tag}{_written(attributes)}>"


def _written(attributes: Mapping[str, Any]) -> str:
    """Attributes, each behind a space."""
    written = []
    for name, value in attributes.items():
        if value is True:
            written.append(f" {name}")
        elif value is not None and value is not False:
            written.append(f' {name.replace("_", "-")}="{html(value)}"')
    return "".join(written)
