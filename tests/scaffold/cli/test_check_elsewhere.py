"""What `mesh check` finds beyond its steps: enumerations that nobody registered, and drift from the record."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Mesh

    FilesOf = Callable[[Path], dict[str, bytes]]

TRENDING = '"""What trends."""\n\nTRENDING = ["TEXT", "IMAGE", "PRODUCT_REVIEW"]\n'


@pytest.fixture(scope="module")
def pristine_polls(pristine_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from .conftest import run

    folder = shutil.copytree(pristine_app, tmp_path_factory.mktemp("polls") / "app", symlinks=True)
    done = run(folder, "new", "post-type", "poll", "--field", "question:string", "--field", "votes:int?")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def polls(pristine_polls: Path, tmp_path: Path) -> Path:
    """An app with a generated type."""
    return shutil.copytree(pristine_polls, tmp_path / "polls", symlinks=True)


def test_an_app_after_new_has_no_finding_and_no_notice(mesh: Mesh, polls: Path) -> None:
    report = json.loads(mesh(polls, "check", "--json").stdout)
    assert (report["findings"], report["notices"]) == ([], [])


def test_a_list_that_nobody_registered_is_named_with_line_and_remedy(mesh: Mesh, polls: Path) -> None:
    (polls / "app/trending.py").write_text(TRENDING)
    done = mesh(polls, "check")
    assert done.returncode == 1
    assert done.stdout.endswith(
        "\napp/trending.py:3: poll: missing: in TRENDING (list), which has 3 of 4 types\n"
        "  Add POLL, or say that it is meant: a comment `mesh: subset` there, or [[check.enumerations]] in mesh.toml.\n"
        "\n1 finding in 4 types.\n"
    )
    assert mesh(polls, "check", "poll").returncode == 1
    assert mesh(polls, "check", "text").returncode == 0


def test_an_acknowledged_list_is_no_finding_and_an_idle_acknowledgement_is_told(mesh: Mesh, polls: Path) -> None:
    (polls / "app/trending.py").write_text(TRENDING)
    with (polls / "mesh.toml").open("a") as file:
        file.write(
            '\n[[check.enumerations]]\npath = "app/trending.py"\nname = "TRENDING"\nreason = "No polls there."\n'
        )
    assert mesh(polls, "check").returncode == 0
    (polls / "app/trending.py").unlink()
    done = mesh(polls, "check")
    assert done.returncode == 0
    assert "\nnotice: mesh.toml, field check.enumerations.0: acknowledges nothing: there is no such " in done.stdout


def test_a_place_that_steps_judge_is_told_once(mesh: Mesh, polls: Path) -> None:
    feed = polls / "app/feed.py"
    feed.write_text(feed.read_text().replace("        PostType.POLL,\n", "").replace("    PostType.POLL,\n", ""))
    done = mesh(polls, "check")
    assert [line for line in done.stdout.splitlines() if line.startswith("app/")] == [
        "app/feed.py:13: poll: missing: listed by its feeds",
        "app/feed.py:21: poll: missing: in the create menu",
    ]


def test_a_spec_without_code_is_no_gap_in_every_list(mesh: Mesh, app: Path) -> None:
    (app / "specs/poll.yaml").write_text("kind: post-type\nname: poll\nfields: {a: {type: int}}\n")
    (app / "app/trending.py").write_text(TRENDING)
    findings = json.loads(mesh(app, "check", "--json").stdout)["findings"]
    assert "app/trending.py" not in {finding["place"]["path"] for finding in findings}


def test_an_enum_field_whose_values_are_called_like_types_is_no_list_of_types(mesh: Mesh, app: Path) -> None:
    values = "text,image,product_review"
    fields = ["--field", f"kind:enum({values})", "--field", f"all:list[enum({values.upper()})]?"]
    assert mesh(app, "new", "post-type", "story", *fields).returncode == 0
    done = mesh(app, "check")
    assert done.returncode == 0, done.stdout


def test_an_edited_file_is_a_notice_and_a_missing_one_a_finding(mesh: Mesh, polls: Path) -> None:
    with (polls / "app/templates/cards/poll.html").open("a") as file:
        file.write("<p>Mine.</p>\n")
    report = json.loads(mesh(polls, "check", "--json").stdout)
    assert report["findings"] == []
    assert [notice["message"] for notice in report["notices"]] == ["poll: was edited since it was generated"]
    (polls / "app/templates/cards/poll.html").unlink()
    findings = json.loads(mesh(polls, "check", "--json").stdout)["findings"]
    assert [finding["message"] for finding in findings] == ["poll: missing: card"]


def test_a_generated_file_is_missed_though_its_step_holds_in_another(mesh: Mesh, polls: Path) -> None:
    (columns,) = (polls / "sql/migrations").glob("*_poll_*_columns.sql")
    columns.rename(columns.with_name("29990101000000_squashed.sql"))
    done = mesh(polls, "check", "poll")
    assert done.returncode == 1
    assert done.stdout.endswith(
        f"\nsql/migrations/{columns.name}: poll: missing: it was generated, by the step columns-migration\n"
        "  Restore it from git, or: mesh check poll --fix\n\n1 finding in 1 type.\n"
    )


def test_a_spec_that_changed_or_went_is_told(mesh: Mesh, polls: Path) -> None:
    spec = polls / "specs/poll.yaml"
    spec.write_text(spec.read_text().replace("name: poll", "name: poll\nlabel: Vote"))
    done = mesh(polls, "check")
    assert done.returncode == 0
    assert "notice: specs/poll.yaml: has changed since it was generated\n  Run mesh update poll." in done.stdout
    spec.unlink()
    done = mesh(polls, "check")
    assert done.returncode == 1
    assert ".mesh/record/post-type.poll.json: its spec is missing\n  Restore the spec of poll from git" in done.stdout


def test_what_newer_templates_would_write_otherwise_is_told(mesh: Mesh, polls: Path) -> None:
    for path in ("app/templates/cards/poll.html", ".mesh/record/post-type.poll.json"):
        text = (polls / path).read_text()
        (polls / path).write_text(text.replace("card-title", "old-title"))
    done = mesh(polls, "check")
    assert done.returncode == 0
    assert (
        "\nnotice: specs/poll.yaml: poll: mesh generates it otherwise now: app/templates/cards/poll.html\n"
        "  Run mesh update poll.\n"
    ) in done.stdout
    assert mesh(polls, "update", "poll").returncode == 0
    assert "notice" not in mesh(polls, "check").stdout


def test_conflict_markers_that_wait_are_a_finding(mesh: Mesh, polls: Path) -> None:
    card = polls / "app/templates/cards/poll.html"
    card.write_text("<p>\n<<<<<<< yours\na\n=======\nb\n>>>>>>> mesh\n</p>\n")
    done = mesh(polls, "check")
    assert done.returncode == 1
    assert "app/templates/cards/poll.html:2: poll: has conflict markers" in done.stdout


def test_what_only_a_formatter_changed_is_not_edited(mesh: Mesh, polls: Path) -> None:
    validator = polls / "app/validators/poll.py"
    validator.write_text(validator.read_text().replace('extra="forbid"', "extra='forbid'"))
    assert "notice" not in mesh(polls, "check").stdout
    with (polls / "mesh.toml").open("a") as file:
        file.write('\n[format]\n".html" = ["no-such-formatter"]\n')
    with (polls / "app/templates/cards/poll.html").open("a") as file:
        file.write("<hr>\n")
    done = mesh(polls, "check")
    assert done.returncode == 0
    assert "notice: app/templates/cards/poll.html: poll: was edited since it was generated" in done.stdout


def test_a_damaged_record_is_a_finding(mesh: Mesh, polls: Path) -> None:
    (polls / ".mesh/record/post-type.poll.json").write_text("{")
    done = mesh(polls, "check")
    assert done.returncode == 1
    assert ".mesh/record/post-type.poll.json:1: is not a record that mesh wrote" in done.stdout


def test_findings_as_annotations_of_github_from_the_root_of_the_repository(mesh: Mesh, polls: Path) -> None:
    (polls.parent / ".git").mkdir()
    (polls / "app/trending, 50%.py").write_text(TRENDING)
    done = mesh(polls, "check", "--format", "github")
    assert done.returncode == 1
    assert done.stdout == (
        "::error file=polls/app/trending%2C 50%25.py,line=3,title=mesh check::poll: missing: in TRENDING "
        "(list), which has 3 of 4 types%0AAdd POLL, or say that it is meant: a comment `mesh: subset` there, or "
        "[[check.enumerations]] in mesh.toml.\n"
    )


def test_json_is_a_format_too_and_an_unknown_one_is_bad_input(mesh: Mesh, polls: Path) -> None:
    assert json.loads(mesh(polls, "check", "--format", "json").stdout)["findings"] == []
    assert mesh(polls, "check", "--format", "xml").returncode == 2


def test_fix_brings_back_what_is_missing_byte_for_byte(mesh: Mesh, polls: Path, files_of: FilesOf) -> None:
    whole = {path: text for path, text in files_of(polls).items() if not path.startswith(".mesh/local")}
    (polls / "app/templates/cards/poll.html").unlink()
    migration = next(polls.glob("sql/migrations/*_poll_02_columns.sql"))
    migration.unlink()
    for file, line in {
        "app/feed.py": "        PostType.POLL,\n",
        "app/models.py": '    POLL = "POLL"\n',
        "app/actions.py": '        "poll_votes": fields.get("poll_votes"),\n',
    }.items():
        text = (polls / file).read_text()
        assert line in text
        (polls / file).write_text(text.replace(line, ""))
    assert mesh(polls, "check").returncode == 1
    done = mesh(polls, "check", "--fix")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith(
        "edit    app/actions.py\nedit    app/feed.py\nedit    app/models.py\ncreate  app/templ"
    )
    after = {path: text for path, text in files_of(polls).items() if not path.startswith(".mesh/local")}
    record = ".mesh/record/post-type.poll.json"
    assert after == whole | {record: after[record]}
    assert "Nothing to do." in mesh(polls, "check", "--fix").stdout


def test_fix_leaves_to_the_user_what_is_theirs(mesh: Mesh, polls: Path) -> None:
    descriptor = polls / "plugins/poll/plugin.toml"
    descriptor.write_text(descriptor.read_text().replace('type = "poll"', 'type = "vote"'))
    (polls / "specs/event.yaml").write_text("kind: post-type\nname: event\nfields: {a: {type: int}}\n")
    done = mesh(polls, "check", "--fix")
    assert done.returncode == 1
    assert "warning: event was not generated yet: mesh new post-type event" in done.stderr
    assert "warning: poll: plug-in descriptor: its file was edited, and is left as it is" in done.stderr
    assert 'type = "vote"' in descriptor.read_text()


def test_fix_of_a_changed_spec_is_the_work_of_update(mesh: Mesh, polls: Path) -> None:
    spec = polls / "specs/poll.yaml"
    spec.write_text(spec.read_text() + "  more: {type: int}\n")
    before = (polls / "app/models.py").read_bytes()
    done = mesh(polls, "check", "poll", "--fix", "--json")
    assert done.returncode == 1
    fixed = json.loads(done.stdout)["fixed"]
    assert fixed["warnings"] == ["specs/poll.yaml has changed since poll was generated: mesh update poll"]
    assert (polls / "app/models.py").read_bytes() == before
