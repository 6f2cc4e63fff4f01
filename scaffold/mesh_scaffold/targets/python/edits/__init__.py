"""Edits of Python text: each finds its place by syntax, inserts the smallest span and leaves every other byte.

An edit is a frozen value with `locate`, `ensure` and `subtract`. `ensure` is idempotent and returns the new source
with the exact `Insertion`; `subtract` takes that insertion out again. A file that does not have the place, has it
twice or computes it gives a `Refused` with line and remedy.
"""

from mesh_scaffold.targets.python.edits.elements import Element
from mesh_scaffold.targets.python.edits.entries import DictEntry, dict_entries
from mesh_scaffold.targets.python.edits.find import find_value, top_level_names
from mesh_scaffold.targets.python.edits.guards import GuardedItem
from mesh_scaffold.targets.python.edits.imports import ImportedName
from mesh_scaffold.targets.python.edits.meaning import same_meaning
from mesh_scaffold.targets.python.edits.members import ClassField, EnumMember, fields_of, members_of
from mesh_scaffold.targets.python.edits.result import Edit, Edited, Insertion, Span, replaced
from mesh_scaffold.targets.python.edits.source import Refused, Source, Splice, decode, parse

__all__ = [
    "ClassField",
    "DictEntry",
    "Edit",
    "Edited",
    "Element",
    "EnumMember",
    "GuardedItem",
    "ImportedName",
    "Insertion",
    "Refused",
    "Source",
    "Span",
    "Splice",
    "decode",
    "dict_entries",
    "fields_of",
    "find_value",
    "members_of",
    "parse",
    "replaced",
    "same_meaning",
    "top_level_names",
]
