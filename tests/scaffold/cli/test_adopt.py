from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Mesh

    FilesOf = Callable[[Path], dict[str, bytes]]


def own(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if not path.startswith(".mesh/local/")}


@pytest.mark.parametrize("name", ["text", "image", "product_review"])
def test_a_hand_written_type_gets_spec_and_record_and_nothing_else_changes(
    mesh: Mesh, app: Path, files_of: FilesOf, name: str
) -> None:
    before = own(files_of(app))
    done = mesh(app, "adopt", name.upper())
    assert done.returncode == 0, done.stderr
    after = own(files_of(app))
    assert {path for path in after if after[path] != before.get(path)} == {
        f"specs/{name}.yaml",
        f".mesh/record/post-type.{name}.json",
    }
    assert mesh(app, "check").stdout.endswith("\nAll is right in 3 types.\n")
    assert mesh(app, "check").returncode == 0
    again = mesh(app, "new", "post-type", name)
    assert (again.returncode, again.stdout) == (
        0,
        f"notice: {name} is generated from specs/{name}.yaml already\nNothing to do.\n",
    )
    assert "Nothing to do." in mesh(app, "adopt", name).stdout
    assert "Nothing to do." in mesh(app, "update", name).stdout
    assert own(files_of(app)) == after


def test_what_the_code_says_is_in_the_spec_and_what_a_spec_cannot_say_is_told(mesh: Mesh, app: Path) -> None:
    done = mesh(app, "adopt", "product-review")
    assert (app / "specs/product_review.yaml").read_text() == (
        "kind: post-type\nname: product_review\nlabel: Product review\nicon: star\nfeeds: [global, reviews]\nfields:\n"
        "  product: {type: string}\n"
        "  rating: {type: int, min: 1, max: 5}\n"
        "  text: {type: text, required: false, label: Review}\n"
        "  price: {type: decimal, required: false}\n"
        "  recommended: {type: bool, default: true, label: I would recommend it}\n"
    )
    place = "notice: app/validators/product_review.py:18: "
    assert f"{place}a spec cannot say max_digits=10, decimal_places=2 of product_review_price; it stays" in done.stdout
    assert f"{place}min=0 of product_review_price is not in the database, so the spec leaves it out" in done.stdout


EVERYTHING = """\
kind: post-type
name: recipe
icon: utensils
fields:
  title: {type: string, min_length: 2, max_length: 80, pattern: "^[A-Z]"}
  story: {type: text, required: false}
  servings: {type: int, required: false, min: 1, max: 50}
  weight: {type: float, default: 1.5}
  vegan: {type: bool}
  cooked_on: {type: date, required: false}
  eaten_at: {type: datetime, required: false}
  source: {type: url, required: false}
  extra: {type: json, required: false}
  level: {type: enum, values: [easy, hard], default: easy}
  photo: {type: image, required: false}
  video: {type: video}
  steps: {type: "list[string]", min_items: 1, max_items: 9, max_length: 70}
  chef: {type: "ref[user]", required: false}
  origin: {type: "ref[post]"}
"""


@pytest.mark.parametrize("storage", ["columns", "json"])
def test_a_generated_type_whose_spec_and_record_were_lost_gets_them_back(mesh: Mesh, app: Path, storage: str) -> None:
    spec, record = app / "specs/recipe.yaml", app / ".mesh/record/post-type.recipe.json"
    fields = EVERYTHING if storage == "columns" else EVERYTHING.replace("kind", "storage: json\nkind", 1)
    if storage == "json":
        fields = fields.replace('ref[user]"', 'list[int]"').replace("ref[post]", "list[bool]")
    spec.write_text(fields)
    done = mesh(app, "new", "post-type", "recipe")
    assert done.returncode == 0, done.stderr
    generated = json.loads(record.read_text())
    spec.unlink()
    record.unlink()
    done = mesh(app, "adopt", "recipe")
    assert done.returncode == 0, done.stderr
    adopted = json.loads(record.read_text())
    assert adopted["spec"] == generated["spec"]
    assert {each["path"]: each.get("text") for each in adopted["files"] if not each["path"].startswith("specs/")} == {
        each["path"]: each.get("text") for each in generated["files"] if not each["path"].startswith("sql/")
    }
    assert mesh(app, "check").returncode == 0


def test_a_spec_that_is_there_is_taken_as_it_is(mesh: Mesh, app: Path) -> None:
    text = "kind: post-type\nname: text\nfields:\n  text: {type: text, column: text}\n"
    (app / "specs/text.yaml").write_text(text)
    assert mesh(app, "adopt", "text").returncode == 0
    assert (app / "specs/text.yaml").read_text() == text
    assert mesh(app, "check").returncode == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("text: complex", "error: app/validators/text.py:15: the field text is complex, which no type of a spec is"),
        ("text: tuple[int, str]", "error: app/validators/text.py:15: the field text is tuple[int, str], which no type"),
    ],
)
def test_a_field_that_no_spec_can_describe_is_an_error(
    mesh: Mesh, app: Path, files_of: FilesOf, line: str, message: str
) -> None:
    validator = app / "app/validators/text.py"
    lines = validator.read_text().splitlines(keepends=True)
    validator.write_text("".join(f"    {line}\n" if each.startswith("    text:") else each for each in lines))
    before = own(files_of(app))
    done = mesh(app, "adopt", "text")
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert "\n  Write the spec by hand, with the type that comes nearest." in done.stderr
    assert own(files_of(app)) == before


def test_a_type_without_validator_or_that_is_not_there_is_an_error(mesh: Mesh, app: Path) -> None:
    done = mesh(app, "adopt", "imge")
    assert (done.returncode, done.stderr) == (
        2,
        "error: the code has no type 'imge'\n  Did you mean 'image'? Known: text, image, product_review.\n",
    )
    (app / "app/validators/image.py").unlink()
    done = mesh(app, "adopt", "image")
    assert done.returncode == 2
    assert done.stderr.startswith("error: app/validators/image.py: there is no such file\n")


def test_a_dry_run_shows_what_would_be_written(mesh: Mesh, app: Path, files_of: FilesOf) -> None:
    before = own(files_of(app))
    done = mesh(app, "adopt", "image", "--dry-run")
    assert "+++ b/specs/image.yaml" in done.stdout
    assert own(files_of(app)) == before


def test_rules_of_the_validators_own_and_a_constraint_that_is_missing_are_told(mesh: Mesh, app: Path) -> None:
    with (app / "app/validators/image.py").open("a") as file:
        file.write('\n    def check(self) -> None:\n        """A rule."""\n')
    migration = app / "sql/migrations/20260101000000_app_01_posts.sql"
    text = migration.read_text()
    start = text.index("    CONSTRAINT realtime_posts_image_url_required")
    end = text.index("    CONSTRAINT realtime_posts_product_review_product_required")
    migration.write_text(text[:start] + text[end:])
    done = mesh(app, "adopt", "image")
    assert "notice: app/validators/image.py:18: a spec does not know this rule; it stays" in done.stdout
    assert "image.py:15: that it is required of image_url is not in the database" in done.stdout
    assert "image.py:16: max_length=300 of image_caption is not in the database" in done.stdout
    assert mesh(app, "check").returncode == 0


def test_an_adopted_type_is_updated_and_keeps_what_was_written_by_hand(mesh: Mesh, app: Path) -> None:
    assert mesh(app, "adopt", "text").returncode == 0
    before = {path: (app / path).read_text() for path in ("app/models.py", "app/actions.py", "app/validators/text.py")}
    with (app / "specs/text.yaml").open("a") as file:
        file.write("  mood: {type: string, required: false}\n")
    mesh(app, "update", "text")
    for path, text in before.items():
        now = (app / path).read_text()
        assert "text_mood" in now
        assert set(text.splitlines()) <= set(now.splitlines())
    assert list(app.glob("sql/migrations/*_text_01_*.sql"))


TYPES = ("text", "image", "product_review")


def test_a_field_added_to_adopted_types_makes_no_conflict(mesh: Mesh, app: Path, files_of: FilesOf) -> None:
    for name in TYPES:
        assert mesh(app, "adopt", name).returncode == 0
    before = own(files_of(app))
    for name in TYPES:
        with (app / f"specs/{name}.yaml").open("a") as file:
            file.write("  mood: {type: string, required: false, max_length: 20}\n")
    done = mesh(app, "update", "--all")
    assert done.returncode == 0, done.stderr
    after = own(files_of(app))
    for name in TYPES:
        test = f"tests/test_{name}.py"
        assert f"warning: {test} was written by hand, otherwise than mesh writes it, and stays as it is" in done.stderr
        assert after[test] == before[test]
        for path in (
            f"app/validators/{name}.py",
            *(f"app/templates/{part}/{name}.html" for part in ("cards", "forms")),
        ):
            lines = after[path].decode().splitlines()
            lost = set(before[path].decode().splitlines()) - set(lines)
            assert all(line.startswith("from pydantic import ") for line in lost)
            assert any(f"{name}_mood" in line for line in lines)
    assert (
        "from pydantic import BaseModel, ConfigDict, Field, StringConstraints"
        in after["app/validators/text.py"].decode()
    )
    models = after["app/models.py"].decode()
    assert "    product_review_recommended: bool | None = None\n    product_review_mood: str | None = None\n" in models
    assert "    image_caption: str | None = None\n    image_mood: str | None = None\n" in models
    assert mesh(app, "check").returncode == 0
    assert "Nothing to do." in mesh(app, "update", "--all").stdout


def test_what_is_taken_back_from_an_adopted_type_leaves_what_was_written_by_hand(
    mesh: Mesh, app: Path, files_of: FilesOf
) -> None:
    assert mesh(app, "adopt", "text").returncode == 0
    before, spec = own(files_of(app)), (app / "specs/text.yaml").read_text()
    (app / "specs/text.yaml").write_text(f"{spec}  mood: {{type: string, required: false, max_length: 20}}\n")
    assert mesh(app, "update", "text").returncode == 0
    (app / "specs/text.yaml").write_text(spec)
    assert mesh(app, "update", "text").returncode == 0
    after = own(files_of(app))
    assert {
        path for path in before if path.startswith(("app/", "tests/", "specs/")) and after[path] != before[path]
    } == set()


def test_edits_of_an_adopted_type_are_no_change_of_its_record(mesh: Mesh, app: Path, files_of: FilesOf) -> None:
    assert mesh(app, "adopt", "text").returncode == 0
    with (app / "app/templates/cards/text.html").open("a") as file:
        file.write("<p>mine</p>\n")
    (app / "app/templates/forms/text.html").unlink()
    before = own(files_of(app))
    assert "Nothing to do." in mesh(app, "update", "text").stdout
    assert own(files_of(app)) == before
    record = json.loads((app / ".mesh/record/post-type.text.json").read_text())
    card = next(each for each in record["files"] if each["path"] == "app/templates/cards/text.html")
    assert (card["origin"], card["text"]) == ("found", '<p class="card-text">{{ post.text }}</p>\n')


def test_a_hand_written_file_that_its_spec_gives_up_stays(mesh: Mesh, app: Path) -> None:
    assert mesh(app, "adopt", "text").returncode == 0
    with (app / "specs/text.yaml").open("a") as file:
        file.write("card: false\n")
    done = mesh(app, "update", "text")
    assert done.returncode == 0, done.stderr
    assert (app / "app/templates/cards/text.html").is_file()


@pytest.mark.parametrize("choice", ["keep", "overwrite"])
def test_an_adopted_type_is_not_removed(mesh: Mesh, app: Path, files_of: FilesOf, choice: str) -> None:
    assert mesh(app, "adopt", "product_review").returncode == 0
    before = own(files_of(app))
    done = mesh(app, "remove", "product_review", "--on-conflict", choice)
    assert done.returncode == 2
    assert "app/models.py:19: product_review was there before mesh" in done.stderr
    assert "delete .mesh/record/post-type.product_review.json" in done.stderr
    assert own(files_of(app)) == before


def test_an_enum_or_a_list_that_no_constraint_holds_is_any_text_or_any_json(mesh: Mesh, app: Path) -> None:
    validator = app / "app/validators/image.py"
    validator.write_text(
        validator.read_text()
        .replace(
            "image_caption: str | None = Field(default=None, max_length=300)", "image_caption: Level | None = None"
        )
        .replace("image_url: MediaUrl", "image_url: list[str] = Field(min_length=1)")
        .replace("class Image", 'Level = Literal["easy", "hard"]\n\n\nclass Image')
    )
    done = mesh(app, "adopt", "image")
    assert (
        (app / "specs/image.yaml")
        .read_text()
        .endswith("fields:\n  url: {type: json, label: Image}\n  caption: {type: string, required: false}\n")
    )
    assert "enum of ['easy', 'hard'] of image_caption is not in the database" in done.stdout
    assert "list[string], min_items=1 of image_url is not in the database" in done.stdout
