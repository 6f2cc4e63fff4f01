"""A plan is verified before it is written; what was broken before does not count."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mesh_descriptors.project import ProjectFile
from mesh_scaffold.plan import Plan
from mesh_scaffold.tree import Disk, Tree
from mesh_scaffold.verify import Verified, VerifyError, require_verified, verify

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_scaffold.verify import Level

PROJECT = ProjectFile.model_validate({"project": {"name": "Test"}})


def verified(
    root: Path,
    files: dict[str, str | bytes | None],
    level: Level = "required",
    url: str | None = None,
    mesh_toml: str = '[project]\nname = "Test"\n',
) -> Verified:
    """Verify the plan that makes the project's files these; None deletes one."""
    (root / "mesh.toml").write_text(mesh_toml)
    tree = Tree(Disk(root))
    for path, content in files.items():
        if content is None:
            tree.delete(path)
        else:
            tree.write(path, content)
    environ = {"PATH": os.environ["PATH"], **({"DATABASE_URL": url} if url else {})}
    return verify(tree, Plan.of(tree, "test"), level, root, PROJECT, environ)


def on_disk(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def said(found: Verified) -> list[str]:
    return [f"{problem.place}: {problem.message}" for problem in found.problems]


BROKEN = [
    ("a.py", "x = 1\ndef f(:\n", "a.py:2:7: does not parse: invalid syntax"),
    ("b.py", "return 1\n", "b.py:1:1: does not parse: 'return' outside function"),
    ("c.py", b"x = '\xff'\n", "c.py:1"),
    ("a.toml", "a = 1\nb = \n", "a.toml:2:5: does not parse: Invalid value"),
    ("a.json", '{"a": 1,\n}', "a.json:2:1: does not parse"),
    ("a.yaml", "a: 1\nb: [\n", "a.yaml:3:1: does not parse"),
    ("a.html", "<p>\n{% if x %}\n", "a.html:2: does not parse: Unexpected end of template"),
    ("a.toml", b"a = '\xff'\n", "a.toml:1: does not parse: it is not UTF-8 text"),
]


@pytest.mark.parametrize(("path", "content", "message"), BROKEN)
def test_a_file_that_does_not_parse_is_named_with_its_line(
    path: str, content: str | bytes, message: str, tmp_path: Path
) -> None:
    found = verified(tmp_path, {path: content})
    assert len(found.problems) == 1
    assert said(found)[0].startswith(message)
    with pytest.raises(VerifyError, match="Nothing was written") as error:
        require_verified(found)
    assert error.value.exit_code == 1


@pytest.mark.parametrize(("path", "content", "message"), BROKEN)
def test_nothing_is_looked_at_when_that_is_asked_for(
    path: str, content: str | bytes, message: str, tmp_path: Path
) -> None:
    del message
    assert verified(tmp_path, {path: content}, "none") == Verified()


def test_files_that_parse_or_that_nobody_reads_pass(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "a.py": "import re\n\nx = '\\d'\n",
        "a.toml": "a = 1\n",
        "a.json": "{}",
        "a.yaml": "a: !odd 1\n---\nb: 2\n",
        "a.html": "{% do x.y() %}{% trans %}é{% endtrans %}",
        "a.png": b"\xff\x00",
    }
    assert verified(tmp_path, files) == Verified()


def test_what_did_not_parse_before_is_a_notice(tmp_path: Path) -> None:
    on_disk(tmp_path, "a.py", "def f(:\n")
    found = verified(tmp_path, {"a.py": "def f(:\n    pass\n"})
    assert found.problems == ()
    assert found.notices[0].startswith("a.py did not parse before and does not now")


def test_a_deleted_file_is_not_looked_at(tmp_path: Path) -> None:
    on_disk(tmp_path, "a.py", "def f(:\n")
    assert verified(tmp_path, {"a.py": None}) == Verified()


SQL = "-- why\nCREATE TABLE a (b integer);\nCREATE FUNCTION f() RETURNS integer BEGIN ATOMIC; SELECT 1; END;\n"


def test_sql_is_read_by_a_server_and_not_run(tmp_path: Path, database_url: str) -> None:
    assert verified(tmp_path, {"1.sql": SQL}, url=database_url) == Verified()
    assert verified(tmp_path, {"1.sql": SQL}, url=database_url) == Verified()
    assert verified(tmp_path, {"1.sql": "DO $read$ BEGIN END $read$;\nSELECT 1"}, url=database_url) == Verified()
    assert verified(tmp_path, {"1.sql": "ALTER TYPE no_such ADD VALUE 'x'; -- end"}, url=database_url) == Verified()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1;\n\nSELEC 2;\n", '1.sql:3: is not PostgreSQL\'s: syntax error at or near "SELEC"'),
        ("ALTER TABLE a\n    ADD COLUM b c;\n", '1.sql:2: is not PostgreSQL\'s: syntax error at or near "c"'),
        ("SELECT 'open;\n", "1.sql:1: is not PostgreSQL's: unterminated quoted string"),
        ("SELECT 1 FROM\nWHERE x", '1.sql:2: is not PostgreSQL\'s: syntax error at or near "WHERE"'),
    ],
)
def test_sql_that_postgresql_does_not_take_is_named_with_its_line(
    text: str, message: str, tmp_path: Path, database_url: str
) -> None:
    assert said(verified(tmp_path, {"1.sql": text}, url=database_url))[0].startswith(message)


def test_sql_that_was_broken_before_is_a_notice(tmp_path: Path, database_url: str) -> None:
    on_disk(tmp_path, "1.sql", "SELEC 1;\n")
    found = verified(tmp_path, {"1.sql": "SELEC 2;\n"}, url=database_url)
    assert found.problems == ()
    assert found.notices[0].startswith("1.sql was not PostgreSQL's before and is not now")


def test_without_a_server_sql_is_a_notice(tmp_path: Path) -> None:
    found = verified(tmp_path, {"1.sql": "SELEC 2;\n"})
    assert found == Verified((), ("no database runs: the SQL was not checked. Start one: mesh db up",))


def test_a_server_that_does_not_answer_is_a_notice(tmp_path: Path) -> None:
    found = verified(tmp_path, {"1.sql": "SELEC 2;\n"}, url=f"postgresql:///x?host={tmp_path}")
    assert found.problems == ()
    assert found.notices[0].startswith("the SQL was not checked: the database cannot be reached")


def test_a_touched_module_that_cannot_be_imported_is_named_with_the_line(tmp_path: Path) -> None:
    on_disk(tmp_path, "app/__init__.py", "")
    on_disk(tmp_path, "app/a.py", "VALUE = 1\n")
    files: dict[str, str | bytes | None] = {
        "app/b.py": "from app.a import OTHER\n\nx = OTHER\n",
        "app/c.py": "y = 1\nx = 1 / 0\n",
        "app/d.py": "raise SystemExit\n",
        "app/e.py": "print('noise')\n",
    }
    found = said(verified(tmp_path, files, "all"))
    assert found[0].startswith("app/b.py:1: app/b.py cannot be imported: ImportError: cannot import name 'OTHER'")
    assert found[1:] == [
        "app/c.py:2: app/c.py cannot be imported: ZeroDivisionError: division by zero",
        "app/d.py:1: app/d.py cannot be imported: SystemExit: ",
    ]
    assert verified(tmp_path, files) == Verified()


def test_imports_see_the_files_of_the_plan_and_not_those_that_it_deletes(tmp_path: Path) -> None:
    on_disk(tmp_path, "app/__init__.py", "")
    on_disk(tmp_path, "app/a.py", "VALUE = 1\n")
    on_disk(tmp_path, "app/gone.py", "VALUE = 1\n")
    files: dict[str, str | bytes | None] = {
        "app/a.py": "OTHER = 2\n",
        "app/b.py": "from app.a import OTHER\nfrom app.new.deep import x\n",
        "app/new/deep.py": "x = __file__\n",
        "plugins/poll/code.py": "from app.b import OTHER\n",
        "my-scripts/run.py": "import nonsense\n",
    }
    assert verified(tmp_path, files, "all") == Verified()
    missing = said(verified(tmp_path, {"app/gone.py": None, "app/b.py": "import app.gone\n"}, "all"))
    assert missing == ["app/b.py:1: app/b.py cannot be imported: ModuleNotFoundError: No module named 'app.gone'"]
    assert not list(tmp_path.rglob("__pycache__"))


def test_an_import_that_failed_before_is_a_notice(tmp_path: Path) -> None:
    on_disk(tmp_path, "app/a.py", "1 / 0\n")
    found = verified(tmp_path, {"app/a.py": "x = 1\n1 / 0\n"}, "all")
    assert found.problems == ()
    assert found.notices == (
        "app/a.py cannot be imported, for a reason that was there before: ZeroDivisionError: division by zero",
    )


def test_a_new_module_that_needs_one_that_failed_before_is_a_notice(tmp_path: Path) -> None:
    on_disk(tmp_path, "app/a.py", "1 / 0\n")
    found = verified(tmp_path, {"app/b.py": "import app.a\n"}, "all")
    assert found.problems == ()
    assert found.notices[0].startswith(
        "app/b.py cannot be imported, for a reason that was there before: ZeroDivisionError"
    )


DESCRIPTOR = 'kind = "post-type"\ntype = "poll"\nversion = "1"\nlabel = "Poll"\n'


def test_a_descriptor_of_a_plug_in_says_what_it_must(tmp_path: Path) -> None:
    assert verified(tmp_path, {"plugins/poll/plugin.toml": DESCRIPTOR}) == Verified()
    odd = said(verified(tmp_path, {"plugins/poll/plugin.toml": DESCRIPTOR + "colour = 1\n"}))
    assert odd == ["plugins/poll/plugin.toml:5, field colour: unknown key"]
    assert verified(tmp_path, {"docs/plugin.toml": "a = 1\n"}) == Verified()
    on_disk(tmp_path, "plugins/poll/plugin.toml", "colour = 1\n")
    found = verified(tmp_path, {"plugins/poll/plugin.toml": DESCRIPTOR + "colour = 1\n"})
    assert (found.problems, len(found.notices)) == ((), 1)


def test_the_modules_of_a_touched_plug_in_are_imported(tmp_path: Path) -> None:
    on_disk(tmp_path, "plugins/poll/jobs.py", "1 / 0\n")
    on_disk(tmp_path, "plugins/poll/works/__init__.py", "")
    found = verified(tmp_path, {"plugins/poll/plugin.toml": DESCRIPTOR + 'entry = ["works"]\n'}, "all")
    assert found == Verified()
    found = verified(tmp_path, {"plugins/poll/plugin.toml": DESCRIPTOR + 'entry = ["gone"]\n'}, "all")
    assert "plugins/poll/gone/__init__.py cannot be imported" in said(found)[0]
    found = verified(tmp_path, {"plugins/poll/plugin.toml": DESCRIPTOR + 'entry = ["jobs"]\n'}, "all")
    assert found.problems == ()
    assert "for a reason that was there before" in found.notices[0]


def test_a_package_that_is_not_installed_is_a_notice(tmp_path: Path) -> None:
    found = verified(tmp_path, {"app/a.py": "import no_such_package\n"}, "all")
    assert found == Verified((), ("app/a.py was not imported: no_such_package is not installed here",))


def test_an_import_sees_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("APPLE_DEVELOPER_TOKEN", "secret")
    text = "import os\nassert not [value for value in os.environ.values() if 'secret' in value], 'leaked'\n"
    assert verified(tmp_path, {"app/a.py": text}, "all") == Verified()


def test_an_import_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_scaffold.verify.imports.SECONDS", 1.0)
    found = said(verified(tmp_path, {"app/a.py": "import time\ntime.sleep(60)\n"}, "all"))
    assert found == ["app/a.py: the touched modules cannot be imported: it took longer than 1 seconds"]


GOOD = {"sql/migrations/20260101000000_app_01_posts.sql": "CREATE TABLE posts (id integer);\n"}


def test_migrations_run_on_a_throw_away_database(tmp_path: Path, database_url: str) -> None:
    later = "sql/migrations/20260102000000_poll_01_columns.sql"
    files: dict[str, str | bytes | None] = {**GOOD, later: "ALTER TABLE posts ADD COLUMN question text;\n"}
    assert verified(tmp_path, files, "all", database_url) == Verified()
    assert verified(tmp_path, files, "all", database_url) == Verified(), "the first run left the database as it was"
    found = said(verified(tmp_path, {**files, later: "ALTER TABLE polls ADD COLUMN a text;\n"}, "all", database_url))
    assert len(found) == 1
    assert 'relation "polls" does not exist' in found[0]
    assert later in found[0]


def test_migrations_that_failed_before_are_a_notice(tmp_path: Path, database_url: str) -> None:
    on_disk(tmp_path, "sql/migrations/20260101000000_app_01_posts.sql", "ALTER TABLE nobody ADD COLUMN a text;\n")
    files: dict[str, str | bytes | None] = {"sql/migrations/20260102000000_poll_01_columns.sql": "SELECT 1;\n"}
    found = verified(tmp_path, files, "all", database_url)
    assert found.problems == ()
    assert found.notices[0].startswith("the migrations failed before and do now")


def test_without_a_database_migrations_are_not_tried(tmp_path: Path) -> None:
    found = verified(tmp_path, dict(GOOD), "all")
    assert found.problems == ()
    assert found.notices[-1] == "no database runs: the migrations were not tried"
