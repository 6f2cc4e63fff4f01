from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.errors import MeshError
from mesh_descriptors.project import EnumerationSection, read_project
from mesh_scaffold.enumerations.judge import judge
from mesh_scaffold.enumerations.scan import MAX_BYTES, find, project_files
from mesh_scaffold.enumerations.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

TYPES = ("text", "image", "product_review", "poll")
LIST = "TYPES = [TEXT, IMAGE, PRODUCT_REVIEW]\n"


def paths(root: Path) -> list[str]:
    found = find(project_files(root), Vocabulary(TYPES), "sql/migrations")
    return sorted(each.path for each in found.enumerations)


def write(root: Path, path: str, text: str = LIST) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_vendored_and_derived_folders_are_skipped(tmp_path: Path) -> None:
    for folder in ("env", "node_modules/a", ".git", "__pycache__", ".mesh/record", "web/node_modules/b/c", "cache"):
        write(tmp_path, f"{folder}/a.py")
    write(tmp_path, "env/pyvenv.cfg", "home = /usr/bin")
    write(tmp_path, "cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55")
    write(tmp_path, "app/a.py")
    write(tmp_path, "top.py")
    (tmp_path / "linked").symlink_to(tmp_path / "app")
    assert paths(tmp_path) == ["app/a.py", "top.py"]


def test_what_cannot_be_read_or_is_no_code_enumerates_nothing(tmp_path: Path) -> None:
    write(tmp_path, "broken.py", LIST + "def (")
    write(tmp_path, "large.py", LIST + "#" * MAX_BYTES)
    write(tmp_path, "notes.md")
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n" + LIST.encode())
    (tmp_path / "deep.py").write_text(LIST + "x = " + "(" * 5000)
    for name in ("a.js", "a.ts", "a.html", "a.yaml", "a.toml", "a.json", "a.sql"):
        write(tmp_path, name, "text image product_review )]}' \" ` /* {% [({ $$ 'TEXT',, |:= case")
    assert paths(tmp_path) == ["latin.py"]


def gaps(text: str, *acknowledged: EnumerationSection) -> int:
    found = find([("app/a.py", text.encode())], Vocabulary(TYPES), "sql/migrations")
    return len(judge(found.enumerations, TYPES, lines=found.lines, acknowledged=acknowledged).gaps)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{list}", 1),
        ("# mesh: subset, of what was there first\n{list}", 0),
        ("# mesh:subset\n# and more\n{list}", 0),
        ("# mesh: subset\n\n{list}", 1),
        ('X = "mesh: subset"\n{list}', 1),
        ("TYPES = [  # mesh: subset\n    TEXT, IMAGE, PRODUCT_REVIEW]", 0),
        ("TYPES = [\n    TEXT,\n    # mesh: subset\n    IMAGE, PRODUCT_REVIEW]", 0),
        ("# mesh: subset\nMANY = {{\n    'a': [TEXT, IMAGE, PRODUCT_REVIEW],\n}}", 0),
        (
            "MANY = {{\n    # mesh: subset\n    'a': [TEXT, IMAGE, PRODUCT_REVIEW],\n    'b': [TEXT, IMAGE, POLL],\n}}",
            1,
        ),
    ],
)
def test_a_comment_on_it_or_above_it_acknowledges_a_subset(text: str, expected: int) -> None:
    assert gaps(text.format(list=LIST)) == expected


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"path": "app/a.py"}, 0),
        ({"path": "app/*"}, 0),
        ({"path": "app/b.py"}, 1),
        ({"path": "app/a.py", "name": "TYPES"}, 0),
        ({"path": "app/a.py", "name": "OTHERS"}, 1),
        ({"path": "app/a.py", "line": r"= \[TEXT"}, 0),
        ({"path": "app/a.py", "line": "POLL"}, 1),
    ],
)
def test_mesh_toml_acknowledges_by_path_name_and_line(section: dict[str, str], expected: int) -> None:
    acknowledged = EnumerationSection(**section, reason="the first three")
    assert gaps(LIST, acknowledged) == expected
    found = find([("app/a.py", LIST.encode())], Vocabulary(TYPES), "sql/migrations")
    assert judge(found.enumerations, TYPES, lines=found.lines, acknowledged=[acknowledged]).idle == (
        (0,) if expected else ()
    )


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('path = "a.py"', "mesh.toml:3, field check.enumerations.0.reason: Field required"),
        ('path = "../a.py"\nreason = "r"', "mesh.toml:4, field check.enumerations.0.path: "),
        ('path = "a.py"\nreason = "r"\nline = "("', "mesh.toml:6, field check.enumerations.0.line: "),
    ],
)
def test_an_acknowledgement_needs_a_path_inside_and_a_reason(tmp_path: Path, section: str, message: str) -> None:
    (tmp_path / "mesh.toml").write_text(f'[project]\nname = "a"\n[[check.enumerations]]\n{section}\n')
    with pytest.raises(MeshError) as caught:
        read_project(tmp_path)
    assert str(caught.value).startswith(message)


def test_two_thousand_files_are_scanned_in_a_moment(tmp_path: Path) -> None:
    code = "".join(
        f"def f{number}(x: int) -> int:\n    return x + {number}  # a poll of text\n" for number in range(150)
    )
    for number in range(2000):
        write(tmp_path, f"p{number % 40}/m{number}.py", LIST * (number % 20 == 0) + code)
    started = time.process_time()
    assert len(paths(tmp_path)) == 100
    assert time.process_time() - started < 3  # about one on an idle machine
