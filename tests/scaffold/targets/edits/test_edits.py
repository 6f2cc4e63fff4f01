"""Each edit by example: before and after, and what it says when it cannot."""

from __future__ import annotations

import pytest

from mesh_scaffold.targets.python.edits import (
    ClassField,
    DictEntry,
    Edit,
    Edited,
    Element,
    EnumMember,
    GuardedItem,
    ImportedName,
    Refused,
    Source,
    decode,
    parse,
)

ELEMENT = Element("TYPES", "T.NEW", same_as=('"NEW"',), whole="T")
FEED = Element("FEEDS", "T.NEW", key="global")
ENTRY = DictEntry("row", "new", 'fields.get("new")', function="create")
GUARD = GuardedItem("update", "data", "new", "params.model_fields_set", "fields.get({key})")
LONG = "A" * 63
BESIDE_ENTRY = DictEntry("row", "new", 'fields.get("new")', function="create", behind=("gone", "b", "a"))
BESIDE_GUARD = GuardedItem("update", "data", "new", "params.model_fields_set", "fields.get({key})", ("gone", "b", "c"))
BESIDE_FIELD = ClassField("Post", "new", "int", None, behind=("gone", "b", "a"))


def source(text: str) -> Source:
    parsed = parse(text)
    assert isinstance(parsed, Source)
    return parsed


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        (ELEMENT, "TYPES = []", "TYPES = [T.NEW]"),
        (ELEMENT, "TYPES = ()", "TYPES = (T.NEW,)"),
        (ELEMENT, "TYPES = (T.A,)", "TYPES = (T.A, T.NEW)"),
        (ELEMENT, "TYPES = [T.A]", "TYPES = [T.A, T.NEW]"),
        (ELEMENT, "TYPES = [T.A,]", "TYPES = [T.A, T.NEW,]"),
        (ELEMENT, "TYPES: set[T] = frozenset({T.A})", "TYPES: set[T] = frozenset({T.A, T.NEW})"),
        (ELEMENT, "BASE = [T.A]\nTYPES = BASE\n", "BASE = [T.A, T.NEW]\nTYPES = BASE\n"),
        (ELEMENT, "TYPES = [\n    T.A,  # one\n]\n", "TYPES = [\n    T.A,  # one\n    T.NEW,\n]\n"),
        (ELEMENT, "TYPES = [\n    T.A  # one\n]\n", "TYPES = [\n    T.A,  # one\n    T.NEW\n]\n"),
        (ELEMENT, "TYPES = [\r\n\tT.A,\r\n]\r\n", "TYPES = [\r\n\tT.A,\r\n\tT.NEW,\r\n]\r\n"),
        (ELEMENT, "TYPES = [T.A,\n         T.B]\n", "TYPES = [T.A,\n         T.B,\n         T.NEW]\n"),
        (ELEMENT, "TYPES = [\n    # none yet\n]\n", "TYPES = [\n    # none yet\n    T.NEW,\n]\n"),
        (FEED, "FEEDS = {'global': [T.A], 'b': []}", "FEEDS = {'global': [T.A, T.NEW], 'b': []}"),
        (
            BESIDE_ENTRY,
            "def create():\n    row = {\n        'a': 1,\n        'b': 2,  # b\n"
            "        # the others\n        'c': 3\n    }\n",
            "def create():\n    row = {\n        'a': 1,\n        'b': 2,  # b\n        'new': fields.get(\"new\"),\n"
            "        # the others\n        'c': 3\n    }\n",
        ),
        (
            BESIDE_ENTRY,
            "def create(): row = {'a': 1, 'c': 3}",
            "def create(): row = {'a': 1, 'new': fields.get(\"new\"), 'c': 3}",
        ),
        (
            BESIDE_ENTRY,
            "def create(): row = {'c': 3, 'b': 2}",
            "def create(): row = {'c': 3, 'b': 2, 'new': fields.get(\"new\")}",
        ),
        (
            BESIDE_GUARD,
            "def update():\n    data = {}\n    if x:\n        data['b'] = 1  # b\n"
            "    # c\n    if x:\n        data['c'] = 1\n",
            "def update():\n    data = {}\n    if x:\n        data['b'] = 1  # b\n"
            "    if 'new' in params.model_fields_set:\n"
            "        data['new'] = fields.get('new')\n    # c\n    if x:\n        data['c'] = 1\n",
        ),
        (
            BESIDE_FIELD,
            "class Post:\n    a: int\n    b: int  # b\n\n    # c\n    c: int\n",
            "class Post:\n    a: int\n    b: int  # b\n    new: int\n\n    # c\n    c: int\n",
        ),
        (
            BESIDE_FIELD,
            "class Post:\n    c: int\n\n    d: int\n",
            "class Post:\n    c: int\n\n    d: int\n    new: int\n",
        ),
        (
            DictEntry("MAP", f"T.{LONG}", LONG, key_is_text=False),
            "MAP = {\n    T.A: A,\n}\n",
            f"MAP = {{\n    T.A: A,\n    T.{LONG}: (\n        {LONG}\n    ),\n}}\n",
        ),
        (
            ENTRY,
            "def create():\n    row = {\n        'a': 1,\n    }\n",
            "def create():\n    row = {\n        'a': 1,\n        'new': fields.get(\"new\"),\n    }\n",
        ),
        (ENTRY, "def create(): row = {}", 'def create(): row = {"new": fields.get("new")}'),
        (
            GUARD,
            "def update():\n    data = {}\n    return data\n",
            'def update():\n    data = {}\n    if "new" in params.model_fields_set:\n'
            '        data["new"] = fields.get("new")\n    return data\n',
        ),
        (EnumMember("T", "NEW", "NEW"), "class T(E):\n    A = 'A'\n", "class T(E):\n    A = 'A'\n    NEW = 'NEW'\n"),
        (EnumMember("T", "NEW", "NEW"), "class T(E): pass\n", 'class T(E): pass; NEW = "NEW"\n'),
        (
            EnumMember("T", "NEW", "NEW"),
            'class T(E):\n    """Doc."""\n',
            'class T(E):\n    """Doc."""\n\n    NEW = "NEW"\n',
        ),
        (
            ClassField("P", "new", "int | None", new_group=True),
            "class P(B):\n    a: int\n\n    b: int\n\n    def f(self): ...\n",
            "class P(B):\n    a: int\n\n    b: int\n\n    new: int | None = None\n\n    def f(self): ...\n",
        ),
        (
            ImportedName("datetime", "date"),
            "from datetime import datetime\n",
            "from datetime import date, datetime\n",
        ),
        (
            ImportedName("decimal", "Decimal"),
            "import re\nfrom uuid import UUID\n",
            "import re\nfrom decimal import Decimal\nfrom uuid import UUID\n",
        ),
        (
            ImportedName("app.fields", "Moment"),
            "import re\n\nfrom pydantic import BaseModel\n",
            "import re\n\nfrom pydantic import BaseModel\n\nfrom app.fields import Moment\n",
        ),
    ],
)
def test_an_edit_changes_the_smallest_span(edit: Edit, before: str, after: str) -> None:
    result = edit.ensure(source(before))

    assert isinstance(result, Edited), result
    assert result.source.text == after
    assert result.insertion.made
    assert result.insertion.syntax_path == edit.syntax_path
    restored = edit.subtract(result.source, result.insertion)
    assert isinstance(restored, Source)
    assert restored.text == before


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (ELEMENT, "TYPES = [T.NEW]"),
        (ELEMENT, "TYPES = ['NEW']"),
        (ELEMENT, "TYPES = list(T)"),
        (ENTRY, "def create():\n    row = {}\n    row['new'] = 1\n"),
        (GUARD, "def update():\n    data = {'new': 1}\n"),
        (GUARD, "def update():\n    data = {}\n    data['new'] = 1\n"),
        (EnumMember("T", "NEW", "NEW"), "class T(E):\n    NEW = auto()\n"),
        (ClassField("P", "new", "int | None"), "class P(B):\n    new: Optional[int] = None\n"),
        (ImportedName("datetime", "date"), "import datetime as dt\n"),
    ],
)
def test_what_is_there_already_is_found(edit: Edit, text: str) -> None:
    result = edit.ensure(source(text))

    assert isinstance(result, Edited), result
    assert result.source.text == text
    assert not result.insertion.made


@pytest.mark.parametrize(
    ("edit", "text", "line", "message", "remedy"),
    [
        (ELEMENT, "x = 1\n", None, "the module assigns nothing to TYPES", "Assign a literal to TYPES there."),
        (ELEMENT, "TYPES = []\nTYPES = [1]\n", 2, "the module assigns to TYPES 2 times", "Leave one assignment."),
        (ELEMENT, "\nTYPES = build()\n", 2, "TYPES is computed", "Write TYPES as a list, tuple or set of its members."),
        (ELEMENT, "\nTYPES = [*A] + [B]\n", 2, "TYPES is computed", "Write TYPES as a list, tuple or set"),
        (ELEMENT, "TYPES = T.A, T.B\n", 1, "is a tuple without parentheses", "Put the tuple in parentheses."),
        (FEED, "\nFEEDS = {'home': []}\n", 2, "FEEDS has no 'global'", "It has: home."),
        (FEED, "FEEDS = dict(a=1)\n", 1, "FEEDS is computed", "Write FEEDS as a dict literal."),
        (ENTRY, "x = 1\n", None, "has no function create", "Write a function create at the top level"),
        (ENTRY, "def create(): ...\ndef create(): ...\n", 2, "has 2 definitions of function create", "Leave one"),
        (ENTRY, "def create():\n    row = dict(a=1)\n", 2, "row is computed", "Write row as a dict literal."),
        (GUARD, "def update():\n    data = f()\n", 2, "data is computed", "Start data as a dict literal"),
        (
            GUARD,
            "def update():\n    if x:\n        data = {}\n",
            3,
            "data is assigned in a nested block",
            "in the body",
        ),
        (
            EnumMember("T", "NEW", "NEW"),
            "class T(E):\n    NEW = 'new'\n",
            2,
            "has NEW = 'new', but T.NEW is to",
            "Rename",
        ),
        (EnumMember("T", "NEW", "NEW"), "class T(E):\n    N = 'NEW'\n", 2, "has N = 'NEW', but T.NEW is to", "Rename"),
        (ClassField("P", "a", "int | None"), "class P:\n    a: str\n", 2, "P.a is str, but int | None is", "`column:`"),
        (
            ImportedName("datetime", "date"),
            "from x import date\n",
            1,
            "date is imported here from somewhere",
            "another name",
        ),
        (ImportedName("datetime", "date"), "def date(): ...\n", 1, "date is defined here", "another name"),
    ],
)
def test_what_cannot_be_edited_says_where_and_what_to_do(
    edit: Edit, text: str, line: int | None, message: str, remedy: str
) -> None:
    result = edit.ensure(source(text))

    assert isinstance(result, Refused)
    assert message in result.message
    assert remedy in result.remedy
    assert result.line == line


def test_a_name_is_used_as_the_file_imports_it() -> None:
    wanted = ImportedName("datetime", "datetime")

    assert wanted.bound(source("import datetime as dt\n")) == "dt.datetime"
    assert wanted.bound(source("from datetime import datetime as moment\n")) == "moment"
    assert wanted.bound(source("")) == "datetime"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"def f(:\n", "is not Python: invalid syntax"),
        (b"x = '\xff'\n", "is not text"),
        (b"# -*- coding: klingon -*-\n", "is not text"),
        (b"x = '\0'\n", "is not Python"),
    ],
)
def test_a_file_that_is_no_python_is_refused(content: bytes, message: str) -> None:
    refused = decode(content)

    assert isinstance(refused, Refused)
    assert message in refused.message
