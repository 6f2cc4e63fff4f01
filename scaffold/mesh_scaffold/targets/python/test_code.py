"""What the template of the generated test is filled with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_scaffold.render import Code
from mesh_scaffold.render.literals import py
from mesh_scaffold.spec.plain import plain
from mesh_scaffold.targets.python.code import article, laid_out, laid_out_value
from mesh_scaffold.targets.python.samples import POST_ID, sample_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec
    from mesh_scaffold.targets.python.samples import Sample


def test_context(spec: PostTypeSpec, refs: Mapping[str, RefSection]) -> dict[str, Any]:
    """The values to send, to read back and to have refused, as code."""
    in_payload = spec.storage == "json"
    named = [(_name(spec, field), field, sample_of(field, refs, in_payload=in_payload)) for field in spec.fields]
    known = [(name, field, sample) for name, field, sample in named if sample.value is not None]
    unknown = [name for name, field, sample in named if sample.value is None and _must_be_sent(field)]
    moments = [name for name, field, _ in named if str(field.type) == "datetime" and not in_payload]
    names = [name for name, _, _ in named]
    return {
        "a": Code(article(spec.enum_value)),
        "in_payload": in_payload,
        "location": Code('"body", "payload"' if in_payload else '"body"'),
        "depth": 3 if in_payload else 2,
        "form_prefix": Code("payload." if in_payload else ""),
        "values": [(name, _code(sample.value)) for name, _, sample in known],
        "others": [pair for name, _, sample in known for pair in _others(name, sample)],
        "wrong": [(name, _code(value)) for name, field, sample in named for value in _wrong(field, sample)],
        "defaults": [_entry(name, _plain(field)) for name, field, _ in named if field.has_default],
        "optional": _names("    for name in ", [name for name, field, _ in named if not field.required]),
        "needed": _names("    for name in ", [name for name, field, _ in named if _must_be_sent(field)]),
        "names": _names("    for name in ", names),
        "feeds": _names("    for feed in ", list(spec.feeds)),
        "moments": Code(laid_out("", "MOMENTS = ", "{", [py(name) for name in moments], "}", hug=False))
        if moments
        else None,
        "needs_post": any(sample.needs_post for _, _, sample in known),
        "unknown": py(f"write values for {', '.join(unknown)} into `fields`") if unknown else None,
    }


def _name(spec: PostTypeSpec, field: Field) -> str:
    return str(field.name if spec.storage == "json" else spec.column_of(field))


def _must_be_sent(field: Field) -> bool:
    return field.required and not field.has_default


def _others(name: str, sample: Sample) -> list[tuple[str, Code]]:
    values = [value for value in (sample.other, *sample.empty) if value is not None and POST_ID not in value]
    return [(name, _code(value)) for value in dict.fromkeys(values)]


def _wrong(field: Field, sample: Sample) -> list[str]:
    return [value for value in dict.fromkeys(sample.wrong) if value != "None" or field.required]


def _entry(name: str, value: Any) -> Code:
    """An entry of a dict in a function's body."""
    return Code(laid_out_value(" " * 8, f"{py(name)}: ", value))


def _plain(field: Field) -> Any:
    return plain(field.default)


def _code(value: str | None) -> Code:
    return Code((value or "None").replace(POST_ID, "post_id"))


def _names(start: str, names: Sequence[str]) -> Code | None:
    """A list of names to loop over, behind the code that the line starts with; None for an empty one."""
    if not names:
        return None
    indent = start[: len(start) - len(start.lstrip())]
    return Code(laid_out(indent, start.lstrip(), "[", [py(name) for name in names], "]:", hug=False)[len(start) : -1])
