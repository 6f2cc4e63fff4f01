from __future__ import annotations

import pytest

from mesh_scaffold.targets.python.merging import merge_python

BASE = "from pydantic import BaseModel, ConfigDict\n\n\nclass A(BaseModel):\n    a: str\n"


def merged(base: str, ours: str, theirs: str) -> str:
    merge = merge_python(base, ours, theirs, frozenset({"app"}))
    assert merge.conflicts == 0, merge.marked
    return merge.mine


def test_names_that_both_sides_import_are_all_imported() -> None:
    ours = BASE.replace("ConfigDict", "ConfigDict, field_validator").replace("a: str", "a: str  # field_validator")
    theirs = BASE.replace("ConfigDict", "ConfigDict, Field") + "    b: str = Field(max_length=2)\n"
    assert merged(BASE, ours, theirs) == (
        "from pydantic import BaseModel, ConfigDict, Field, field_validator\n\n\n"
        "class A(BaseModel):\n    a: str  # field_validator\n    b: str = Field(max_length=2)\n"
    )


def test_an_import_goes_with_its_last_use_and_stays_while_ours_use_it() -> None:
    base = BASE.replace("ConfigDict", "Field") + "    b: str = Field(max_length=2)\n"
    without = BASE.replace(", ConfigDict", "")
    ours = base.replace(
        "import BaseModel, Field", "import (  # ours\n    BaseModel,\n    Field,\n    field_validator,\n)"
    )
    assert "Field" not in merged(base, base, without)
    assert merged(base, ours, without).startswith(
        "from pydantic import (  # ours\n    BaseModel,\n    field_validator,\n)"
    )
    used = base + "    c: str = Field(min_length=1)\n"
    assert "import BaseModel, Field" in merged(base + "    d: int\n", used, without + "    d: int\n")


def test_an_import_that_we_had_no_use_for_comes_back_with_code_that_has() -> None:
    base = BASE.replace("ConfigDict", "Field") + "    b: str = Field(max_length=2)\n    d: int\n"
    ours = BASE.replace(", ConfigDict", "") + "    d: int\n"
    theirs = base + "    c: str = Field(max_length=3)\n"
    assert merged(base, ours, theirs) == (
        "from pydantic import BaseModel, Field\n\n\n"
        "class A(BaseModel):\n    a: str\n    d: int\n    c: str = Field(max_length=3)\n"
    )


def test_line_ends_stay() -> None:
    ours = BASE.replace("ConfigDict", "ConfigDict, create_model").replace("\n", "\r\n")
    text = merged(BASE, ours, BASE.replace("ConfigDict", "ConfigDict, Field") + "    b: int = Field(ge=1)\n")
    assert text.startswith("from pydantic import BaseModel, ConfigDict, Field, create_model\r\n")
    assert text.count("\r\n") == text.count("\n")


def test_what_both_sides_changed_is_a_conflict_with_the_imports_of_both() -> None:
    ours = BASE.replace("ConfigDict", "ConfigDict, create_model").replace("a: str", "a: int")
    theirs = BASE.replace("ConfigDict", "ConfigDict, Field").replace("a: str", "a: str = Field(max_length=2)")
    merge = merge_python(BASE, ours, theirs, frozenset())
    assert merge.conflicts == 1
    assert merge.marked.startswith("from pydantic import BaseModel, ConfigDict, Field, create_model\n")
    assert "<<<<<<< yours\n    a: int\n=======\n    a: str = Field(max_length=2)\n>>>>>>> generated\n" in merge.marked


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("def broken(:\n", BASE.replace("a:", "b:")),
        ("x = 1\n", "y = 1\n"),
        ("from a import b; x = 1\n", "from a import b, c; x = 1\n"),
        (BASE.replace("ConfigDict", "ConfigDict as C"), BASE.replace("ConfigDict", "ConfigDict as D")),
        ("from pydantic import BaseModel, Mine\nField = 1\n", "from pydantic import BaseModel, Field\n"),
    ],
)
def test_where_imports_cannot_be_told_lines_are_merged(ours: str, theirs: str) -> None:
    merge = merge_python(BASE, ours, theirs, frozenset())
    assert merge.conflicts == 1
    assert all(line in merge.marked for line in ours.splitlines())
