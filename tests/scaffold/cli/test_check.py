from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mesh_scaffold.targets.postgres import migrations
from mesh_scaffold.targets.postgres.statements import statements
from mesh_scaffold.targets.python import editing
from mesh_scaffold.targets.python.edits import decode

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from .conftest import Mesh


def test_hand_written_types_of_a_new_app_are_right(mesh: Mesh, app: Path) -> None:
    done = mesh(app, "check")
    assert done.returncode == 0, done.stdout
    assert "text" in done.stdout.splitlines()[0]
    assert "product_review" in done.stdout.splitlines()[0]
    assert done.stdout.endswith("All is right in 3 types.\n")
    assert "✗" not in done.stdout.replace("✗ missing", "")


def test_what_is_missing_is_named_with_place_and_remedy_and_exit_code_1(mesh: Mesh, app: Path) -> None:
    (app / "app/templates/cards/image.html").unlink()
    done = mesh(app, "check")
    assert done.returncode == 1
    assert "\napp/templates/cards/image.html: image: missing: " in done.stdout
    assert done.stdout.endswith("\n1 finding in 3 types.\n")
    assert mesh(app, "check", "text").returncode == 0
    assert mesh(app, "check", "IMAGE").returncode == 1


def test_a_spec_without_code_is_judged(mesh: Mesh, app: Path) -> None:
    (app / "specs/poll.yaml").write_text("kind: post-type\nname: poll\nfields: {a: {type: int}}\n")
    done = mesh(app, "check", "poll", "--json")
    assert done.returncode == 1
    verdicts = json.loads(done.stdout)["types"]["poll"]
    assert {verdict["verdict"] for verdict in verdicts.values()} <= {"missing", "not applicable"}


def test_the_matrix_as_json(mesh: Mesh, app: Path) -> None:
    done = mesh(app, "check", "--json")
    assert done.returncode == 0
    matrix = json.loads(done.stdout)
    assert list(matrix["types"]) == ["text", "image", "product_review"]
    assert matrix["types"]["text"]["enum-member"]["place"]["path"] == "app/models.py"
    assert matrix["findings"] == []


def test_an_unknown_type_is_bad_input(mesh: Mesh, app: Path) -> None:
    done = mesh(app, "check", "imge")
    assert done.returncode == 2
    assert done.stderr == (
        "error: there is no type 'imge'\n  Did you mean 'image'? Known: text, image, product_review.\n"
    )


def test_more_types_than_fit_beside_each_other_have_a_line_each_with_what_is_missing(mesh: Mesh, app: Path) -> None:
    for number in range(40):
        (app / f"specs/type_{number}.yaml").write_text(
            f"kind: post-type\nname: type_{number}\nfields: {{a: {{type: int}}}}\n"
        )
    lines = mesh(app, "check").stdout.splitlines()
    assert lines[0] == "text             ✓"
    assert lines[42].startswith("type_9           ✗ member of the enum, ✗ columns in the post model, ")
    assert lines[43] == "✓ all holds that is asked of the type   ✗ missing   ? cannot be told"
    assert [line for line in lines if line != line.rstrip()] == []


def test_each_file_is_parsed_once_however_many_types_and_steps_look_at_it(
    mesh: Mesh, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[bytes] = []
    monkeypatch.setattr(editing, "decode", lambda content: parsed.append(content) or decode(content))
    monkeypatch.setattr(migrations, "statements", lambda text: parsed.append(text) or statements(text))
    assert mesh(app, "check").returncode == 0
    assert len(parsed) > 3
    assert len(parsed) == len(set(parsed))


def test_a_table_has_no_spaces_at_the_ends_of_its_lines(mesh: Mesh, app: Path) -> None:
    assert [line for line in mesh(app, "check").stdout.splitlines() if line != line.rstrip()] == []
