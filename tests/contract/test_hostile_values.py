"""Texts that break naive generators go through the whole app: spec, code, SQL, PostgreSQL, HTTP, HTML and back."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mesh_descriptors.project import read_project
from mesh_scaffold.generate.check import check
from mesh_scaffold.generate.init import plan_init
from mesh_scaffold.generate.new import plan_new
from mesh_scaffold.generate.past import Options
from mesh_scaffold.generate.update import plan_update
from mesh_scaffold.spec.read import read_spec
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Disk, Memory, Tree

if TYPE_CHECKING:
    from mesh_scaffold.plan import Plan

PROGRAM = Path(__file__).with_name("hostile_values.py")
PIECES = ["'", '"', "\\", "`", "$$", "${x}", "$body$", "{{", "}}", "{%", "%}", "{#", "#}", "{", "}", "*/", "/*", "//",
          "-->", "<!--", "</script>", "</textarea>", "</option>", "<b>", "&amp;", "&", "]]>", "\n", "\r", "\r\n", "\t",
          "\x01", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u200b", "\u202e", "\u2066", "\u2028", "\ufeff",
          "\ufffe", "🎉", "👩\u200d👩\u200d👧", "é", "e\u0301", "ß", "--", ";", "%s", "%(x)s", "%", "#", "a", " ",
          '"""', "'''", "\\n", "\\u0041", "\\", "null", ":x", "= 1", "\U000e0001"]  # fmt: skip


class Texts:
    """Texts cut from the pieces in some order, so that each type has all of them and no two texts are the same."""

    def __init__(self, pieces: list[str]) -> None:
        self._pieces = itertools.cycle(pieces)
        self._count = itertools.count()

    def next(self) -> str:
        """One to four pieces, and something that can be seen; at the end of one, the beginning of another."""
        number = next(self._count)
        text = "".join(itertools.islice(self._pieces, number % 4 + 1))
        return f"{text}{number}" if number % 2 else f"{number}{text}"

    def few(self, count: int) -> list[str]:
        return [self.next() for _ in range(count)]


@st.composite
def types(draw: st.DrawFn) -> dict[str, Any]:
    """A type with a field of each kind that holds text."""
    texts = Texts(draw(st.permutations(PIECES)))
    fields: dict[str, dict[str, Any]] = {}
    for name, type_ in (("mood", "enum"), ("tone", "enum"), ("moods", "list[enum]")):
        values = [*texts.few(12), draw(st.sampled_from(PIECES).filter(str.strip))]
        fields[name] = {"type": type_, "values": values, "default": draw(st.sampled_from(values))}
    fields["moods"]["default"] = [*fields["moods"]["values"], fields["moods"]["default"]]
    fields["title"] = {"type": "string", "default": texts.next()}
    fields["body"] = {"type": "text", "default": draw(st.sampled_from(["", "\n", "\r\n", "\t"])) + texts.next()}
    fields["tags"] = {"type": "list[string]", "default": texts.few(8)}
    fields["data"] = {"type": "json", "default": {texts.next(): [texts.next(), None, {texts.next(): 1.5}]}}
    return {
        "label": texts.next(),
        "storage": draw(st.sampled_from(["columns", "json"])),
        "fields": {name: {"label": texts.next(), "help": texts.next(), **field} for name, field in fields.items()},
    }


def yaml(value: Any) -> str:
    """A value in YAML's flow style: whatever a screen does not show is an escape."""
    match value:
        case dict():
            return "{" + ", ".join(f"{yaml(key)}: {yaml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(yaml, value)) + "]"
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08X}" for char in escaped) + '"'
    return json.dumps(value)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine") / "app"
    _write(folder, plan_init(Tree(Memory({})), "app"))
    return folder


@pytest.mark.slow
@settings(
    deadline=None,
    derandomize=True,
    max_examples=5,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # an example is a whole app: shrinking one would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(texts=types())
def test_texts_come_back_the_same_through_the_app(
    texts: dict[str, Any], pristine: Path, mesh_server: str, tmp_path: Path
) -> None:
    app = tmp_path / "app"
    shutil.rmtree(app, ignore_errors=True)
    shutil.copytree(pristine, app)
    spec = "kind: post-type\nname: odd\n" + "".join(f"{key}: {yaml(value)}\n" for key, value in texts.items())
    (app / "specs/odd.yaml").write_text(spec, "utf-8")
    project = read_project(app)
    target = target_for(project)
    _write(app, plan_new(Tree(Disk(app)), target, read_spec(spec.encode(), "specs/odd.yaml"), project))
    assert check(Tree(Disk(app)), target, project).findings == ()
    assert plan_update(Tree(Disk(app)), target, project, "odd", Options()).changes == ()
    (app / "tests/test_hostile_values.py").write_bytes(PROGRAM.read_bytes())
    (app / "tests/hostile_values.json").write_text(json.dumps(texts), "utf-8")

    _run(app, "ruff", "check", "--no-cache", "app", "tests/test_odd.py")
    _run(app, "pytest", "-q", "-p", "no:cacheprovider", "tests/test_odd.py", "tests/test_hostile_values.py",
         MESH_TEST_DATABASE_URL=mesh_server)  # fmt: skip


def _write(folder: Path, plan: Plan) -> None:
    for change in plan.changes:
        assert change.after is not None
        (folder / change.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / change.path).write_bytes(change.after.content)


def _run(app: Path, *command: str, **variables: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MESH_ENV"))}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=app, env=environment | variables, capture_output=True, text=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
