"""What differs between two versions of a spec: which field was which."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_scaffold.spec.model import Field, PostTypeSpec


def field_before(old: PostTypeSpec, field: Field) -> Field | None:
    """The field of `old` that `field` was: of its name, else of the name that it had before; None for a new one."""
    if found := old.field_named(field.name):
        return found
    return old.field_named(field.renamed_from) if field.renamed_from else None


def removed_fields(old: PostTypeSpec, new: PostTypeSpec) -> tuple[Field, ...]:
    """The fields of `old` that `new` has under no name."""
    kept = {before.name for field in new.fields if (before := field_before(old, field))}
    return tuple(field for field in old.fields if field.name not in kept)


def under_new_name(old: PostTypeSpec, new: PostTypeSpec) -> PostTypeSpec:
    """What `old` is when nothing but its name becomes that of `new`, and columns are called as `new` has them."""
    after = {before.name: field for field in new.fields if (before := field_before(old, field))}
    fields = old.fields
    if (old.storage, new.storage) == ("columns", "columns"):
        fields = tuple(replace(each, column=after[each.name].column) if each.name in after else each for each in fields)
    named = {"name": new.name, "renamed_from": new.renamed_from, "path": new.path, "places": new.places}
    return replace(old, fields=fields, **named)  # type: ignore[arg-type]  # each of its own type
