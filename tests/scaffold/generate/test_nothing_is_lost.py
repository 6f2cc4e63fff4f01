"""Whatever the user does: what they wrote is there after an update or a removal, and what they deleted is not."""

from __future__ import annotations

import ast
import functools
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mesh_scaffold.cli.conflicts import chosen
from mesh_scaffold.generate.past import Options
from mesh_scaffold.generate.work import SPEC_STEP
from mesh_scaffold.record import Record

from .app_in_memory import POLL, SPECS, applied, pristine_app, removed, text_of, updated, with_type, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_scaffold.generate.past import Frozen

    from .app_in_memory import Files

RECORD = ".mesh/record/post-type.poll.json"
COMMENTS = {".py": "# {}", ".html": "<!-- {} -->", ".sql": "-- {}", ".toml": "# {}", ".yaml": "# {}"}
CHANGES: dict[str, Callable[[str], str]] = {
    "a field more": lambda spec: spec + "  votes: {type: int, required: false, min: 0}\n",
    "a field less": lambda spec: spec.replace("  day: {type: date}\n", ""),
    "a field renamed": lambda spec: spec.replace("day: {type: date", "deadline: {renamed_from: day, type: date"),
    "a field retyped": lambda spec: spec.replace("{type: date}", "{type: datetime}"),
    "other bounds": lambda spec: spec.replace("{type: string}", "{type: string, max_length: 80, label: What}"),
    "other feeds": lambda spec: spec.replace("fields:", "feeds: [reviews]\nfields:"),
    "no card": lambda spec: spec.replace("fields:", "card: false\nfields:"),
    "nothing": lambda spec: spec,
    "all fields others": lambda spec: spec.partition("fields:")[0] + "fields:\n  text: {type: text, backfill: none}\n",
}
FEW = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes half a second: to shrink one, minutes
)


@functools.cache
def app() -> Files:
    """An app with two types beside its own; no argument of a test, as hypothesis would print all of it."""
    return with_type(with_type(pristine_app(), "event"), "poll")


EDITS = st.lists(
    st.tuples(st.integers(0, 999), st.integers(0, 9999), st.sampled_from(["line", "end", "code", "delete"])),
    min_size=1,
    max_size=6,
)
"""Which file, which line, and what happens there. What is drawn must not depend on the files: an example that is cut
off while the app is edited would leave hypothesis with another tree of choices than before."""


def edited(
    files: Files, edits: list[tuple[int, int, str]]
) -> tuple[Files, list[tuple[str, str]], list[tuple[str, str]]]:
    """The files after a user worked on them; each line that was added, and each that was deleted, with its file."""
    record = Record.from_json(text_of(files, RECORD), RECORD)
    paths = sorted(
        {*(file.path for file in record.files if file.step != SPEC_STEP), *(piece.file for piece in record.fragments)}
    )
    shared = {piece.file for piece in record.fragments}
    added: list[tuple[str, str]] = []
    deleted: list[tuple[str, str]] = []
    for number, (which, where, kind) in enumerate(edits):
        path = paths[which % len(paths)]
        lines = text_of(files, path).splitlines(keepends=True)
        if not lines:
            continue
        at = where % len(lines)
        token = f"token_{number}"
        comment = COMMENTS["." + path.rpartition(".")[2]].format(token)
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        if kind == "line":
            changed = [*lines[:at], f"{indent}{comment}\n", *lines[at:]]
        elif kind == "code":
            codes = [n for n, line in enumerate(lines) if "fields.get(" in line or " | None = None" in line]
            if not codes:
                continue
            at = codes[where % len(codes)]
            line = lines[at].replace("fields.get(", f"fields.{token}.get(").replace(" | None =", f" | {token} =")
            changed = [*lines[:at], line, *lines[at + 1 :]]
        elif kind == "end":
            changed = [*lines[:at], f"{lines[at].rstrip()}  {comment}\n", *lines[at + 1 :]]
        elif path in shared and "poll" not in lines[at].lower():
            continue  # an app without its own classes and functions is refused, and that is another test
        else:
            changed = [*lines[:at], *lines[at + 1 :]]
        text = "".join(changed)
        if path.endswith(".py") and not _parses(text):
            continue
        if kind != "delete":
            added.append((path, token))
        elif lines[at].strip() and text_of(files, path).count(lines[at].strip()) == 1 and "token_" not in lines[at]:
            deleted.append((path, lines[at].strip()))
        added = [(file, what) for file, what in added if file != path or what in text]
        files = written(files, path, text)
    return files, added, deleted


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


@pytest.mark.slow
@FEW
@given(edits=EDITS, change=st.sampled_from(sorted(CHANGES)), committed=st.booleans())
def test_an_update_keeps_what_was_written_and_brings_nothing_back(
    edits: list[tuple[int, int, str]], change: str, committed: bool
) -> None:
    files, added, deleted = edited(app(), edits)
    files = written(files, "specs/poll.yaml", CHANGES[change](POLL))
    frozen: Frozen = frozenset if committed else (lambda _paths: frozenset())
    options = Options(frozen=frozen, allow_data_loss=True)
    plan = updated(files, "poll", options)
    after = applied(files, plan)
    for path, token in added:
        assert path in after, path
        assert token in text_of(after, path), (path, token)
    listed = {problem.place.path for problem in plan.conflicts if problem.place}
    for path, line in deleted:
        if path in after and path not in listed:
            assert line not in text_of(after, path), (path, line)
    if not plan.conflicts:
        again = updated(after, "poll", options)
        assert [each.path for each in again.changes] == []
        assert not again.conflicts


@pytest.mark.slow
@FEW
@given(edits=EDITS, committed=st.booleans())
def test_a_removal_keeps_what_was_written(edits: list[tuple[int, int, str]], committed: bool) -> None:
    files, added, _ = edited(app(), edits)
    frozen: Frozen = frozenset if committed else (lambda _paths: frozenset())
    plan = removed(files, "poll", Options(chosen(None, created="keep", changed="keep"), frozen))
    after = applied(files, plan)
    for path, token in added:
        assert path in after, path
        assert token in text_of(after, path), (path, token)
    for path in (path for path in after if path.endswith(".py")):
        assert _parses(text_of(after, path)), path


LAYOUTS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "lists in one line": lambda text: text.replace("[\n        PostType.TEXT,\n", "[PostType.TEXT, "),
    "comments between": lambda text: text.replace("    PostType.", "    # about the next\n    PostType."),
    "no trailing commas": lambda text: (
        text.replace(",\n]", "\n]").replace(",\n    ]", "\n    ]").replace(",\n    }", "\n    }")
    ),
    "windows": lambda text: text.replace("\n", "\r\n"),
}


ORDERS = list(itertools.permutations(SPECS))
CASES = [
    *(("as it is", order) for order in ORDERS),
    *((layout, ORDERS[0]) for layout in LAYOUTS if layout != "as it is"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "order"), CASES)
def test_types_that_come_and_go_in_any_order_leave_every_byte(layout: str, order: tuple[str, ...]) -> None:
    before = pristine_app()
    for path in ("app/feed.py", "app/models.py", "app/actions.py", "app/validators/__init__.py"):
        before = written(before, path, LAYOUTS[layout](text_of(before, path)))
    files = before
    for name in order:
        files = with_type(files, name)
    for back in itertools.permutations(SPECS):
        after = files
        for name in back:
            plan = removed(after, name)
            assert not plan.warnings
            after = applied(after, plan)
        assert after == before


@pytest.mark.slow
@pytest.mark.parametrize("change", sorted(CHANGES))
@pytest.mark.parametrize("back", [False, True])
def test_an_updated_type_is_what_a_new_one_would_be_and_leaves_no_trace(change: str, back: bool) -> None:
    texts = [CHANGES[change](POLL), CHANGES["all fields others"](POLL)]
    old, new = reversed(texts) if back else texts
    before = with_type(pristine_app(), "event")
    files = written(with_type(before, "poll", old), "specs/poll.yaml", new)
    plan = updated(files, "poll")
    assert (plan.conflicts, plan.warnings) == ((), ())
    after, fresh = applied(files, plan), with_type(before, "poll", new)
    for file in Record.from_json(text_of(fresh, RECORD), RECORD).files:
        assert after[file.path] == fresh[file.path], file.path
    rest = applied(after, removed(after, "poll"))
    assert {path: stored for path, stored in rest.items() if path != "specs/poll.yaml"} == before
