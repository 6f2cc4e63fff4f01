from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.cli.conflicts import OnConflict, chosen
from mesh_scaffold.generate.conflicts import ConflictError
from mesh_scaffold.generate.past import NotGeneratedError, Options

from .app_in_memory import Files, applied, generated, pristine_app, removed, text_of, updated, with_type, written

if TYPE_CHECKING:
    from pathlib import Path

CARD = "app/templates/cards/poll.html"
ENTRY = '"poll_question": fields.get("poll_question")'


@pytest.fixture(scope="module")
def app() -> Files:
    return with_type(pristine_app(), "poll")


def said(choice: str | None) -> Options:
    return Options(chosen(choice and OnConflict(choice), created="keep", changed="keep"))


def edited(files: Files, path: str, old: str, new: str) -> Files:
    assert old in text_of(files, path)
    return written(files, path, text_of(files, path).replace(old, new))


def test_what_was_generated_goes_without_a_trace(app: Files) -> None:
    plan = removed(app, "poll")
    assert applied(app, plan) == pristine_app()
    assert (plan.command, plan.warnings, plan.conflicts) == ("remove poll", (), ())


def test_an_edited_file_stays_and_is_named(app: Files) -> None:
    files = written(app, CARD, text_of(app, CARD) + "<p>mine</p>\n")
    plan = removed(files, "poll", said(None))
    assert applied(files, plan)[CARD] == files[CARD]
    assert plan.warnings == (f"{CARD} was edited and stays",)


def test_of_an_edited_file_the_users_lines_can_stay(app: Files) -> None:
    files = written(app, CARD, text_of(app, CARD) + "<p>mine</p>\n")
    assert text_of(applied(files, removed(files, "poll", said("merge"))), CARD) == "<p>mine</p>\n"
    assert CARD not in applied(files, removed(files, "poll", said("overwrite")))
    with pytest.raises(ConflictError) as caught:
        removed(files, "poll", said("abort"))
    assert str(caught.value) == (
        f"{CARD}: was edited, and is to go; nothing was written\n"
        "  Choose what happens to it: --on-conflict keep, overwrite (it goes) or merge (your lines stay)."
    )
    assert caught.value.exit_code == 1


def test_an_edited_piece_of_a_shared_file_stays_and_is_named_with_its_line(app: Files) -> None:
    files = edited(app, "app/actions.py", ENTRY, '"poll_question": cleaned(fields.get("poll_question"))')
    plan = removed(files, "poll", said(None))
    after = text_of(applied(files, plan), "app/actions.py")
    line = next(n for n, text in enumerate(after.splitlines(), 1) if "cleaned(" in text)
    (warning,) = plan.warnings
    assert warning.startswith("app/actions.py:")
    assert 'create_post.row["poll_question"] was edited, and is to go now. It stays as it is' in warning
    assert line > 0
    assert "cleaned(" not in text_of(applied(files, removed(files, "poll", said("overwrite"))), "app/actions.py")
    marked = removed(files, "poll", said("markers"))
    assert "<<<<<<< yours\n" in text_of(applied(files, marked), "app/actions.py")
    assert marked.conflicts


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("app/feed.py", "    PostType.POLL,"),
        ("app/models.py", '    POLL = "POLL"'),
        ("app/models.py", "    poll_question: str | None = None"),
        ("app/actions.py", '        "poll_options": jsonb(fields.get("poll_options")),'),
        ("app/actions.py", '        update_data["poll_day"] = fields.get("poll_day")'),
        ("app/actions.py", "from datetime import date"),
        ("app/validators/__init__.py", "from app.validators.poll import PollValidation"),
    ],
)
def test_a_comment_behind_a_piece_stays_where_it_was_while_the_piece_goes(app: Files, path: str, line: str) -> None:
    files = edited(app, path, f"\n{line}\n", f"\n{line}  # because of X\n")
    plan = removed(files, "poll", said(None))
    lines = text_of(applied(files, plan), path).splitlines(keepends=True)
    comments = [text for text in lines if text.strip() == "# because of X"]
    assert len(comments) == 1
    left = [text for text in lines if text not in comments and text.strip()]
    assert left == [text for text in text_of(pristine_app(), path).splitlines(keepends=True) if text.strip()]
    assert written(applied(files, plan), path, text_of(pristine_app(), path)) == pristine_app()
    (warning,) = plan.warnings
    assert re.match(rf"{path}:\d+: .* goes, and the comment behind it stays. Delete the comment when", warning)
    assert applied(files, removed(files, "poll", said("overwrite"))) == pristine_app()
    with pytest.raises(ConflictError, match=r"goes, and the comment behind it stays|was edited"):
        removed(files, "poll", said("abort"))


def test_a_comment_behind_a_line_that_others_share_stays_there(app: Files) -> None:
    names = "from datetime import date, datetime"
    files = edited(app, "app/models.py", names, f"{names}  # moments")
    plan = removed(files, "poll")
    assert not plan.warnings
    assert "from datetime import datetime  # moments\n" in text_of(applied(files, plan), "app/models.py")


def test_what_was_there_before_is_never_taken_out() -> None:
    before = edited(pristine_app(), "app/models.py", "import datetime", "import date, datetime")
    before = edited(before, "app/feed.py", "    PostType.TEXT,\n", '    PostType.TEXT,\n    "POLL",\n')
    files = with_type(before, "poll")
    assert text_of(files, "app/feed.py") == text_of(before, "app/feed.py")
    assert applied(files, removed(files, "poll")) == before


def test_an_import_that_the_users_code_took_up_stays(app: Files) -> None:
    files = written(app, "app/models.py", text_of(app, "app/models.py") + "\n\nEPOCH = date(1970, 1, 1)\n")
    after = text_of(applied(files, removed(files, "poll")), "app/models.py")
    assert "import date" in after
    assert "poll" not in after


STAYS = {
    "the member that an edited place names": (
        ("app/feed.py", "    PostType.POLL,\n]", "    PostType(PostType.POLL),\n]"),
        ("app/models.py",),
    ),
    "the member that the user's code names": (
        ("app/extra.py", "", "from app import models\n\nBEST = models.PostType.POLL\n"),
        ("app/models.py",),
    ),
    "the module that an edited entry needs": (
        ("app/validators/__init__.py", "POLL: PollValidation", "POLL: strict(PollValidation)"),
        ("app/models.py", "app/validators/poll.py"),
    ),
    "the module that the user's code imports": (
        ("app/extra.py", "", "from .validators import poll\n\nNAME = poll.PollValidation.__name__\n"),
        ("app/validators/poll.py",),
    ),
}


@pytest.mark.parametrize("case", STAYS)
def test_what_code_that_stays_needs_stays_too_and_the_app_starts(app: Files, tmp_path: Path, case: str) -> None:
    (path, old, new), staying = STAYS[case]
    files = edited(app, path, old, new) if old else written(app, path, new)
    if "strict(" in new:
        files = edited(files, path, "VALIDATORS: ", "def strict(one: type) -> type:\n    return one\n\n\nVALIDATORS: ")
    plan = removed(files, "poll", said(None))
    after = applied(files, plan)
    assert starts(after, tmp_path)
    warned = " ".join(plan.warnings)
    assert ("PostType.POLL stays, as " in warned) == ("app/models.py" in staying)
    assert ("app/validators/poll.py stays, as " in warned) == ("app/validators/poll.py" in staying)
    assert ("app/validators/poll.py" in after) == ("app/validators/poll.py" in staying)
    assert ('POLL = "POLL"' in text_of(after, "app/models.py")) == ("app/models.py" in staying)


def test_an_import_with_a_comment_goes_with_the_module_that_it_names(app: Files, tmp_path: Path) -> None:
    line = "from app.validators.poll import PollValidation"
    files = edited(app, "app/validators/__init__.py", line, f"{line}  # of ours")
    after = applied(files, removed(files, "poll", said(None)))
    assert "app/validators/poll.py" not in after
    assert "# of ours" in text_of(after, "app/validators/__init__.py").splitlines()
    assert starts(after, tmp_path)


def test_told_to_overwrite_what_was_edited_all_of_it_goes(app: Files) -> None:
    files = edited(app, "app/feed.py", "    PostType.POLL,\n]", "    (PostType.POLL),  # first\n]")
    files = edited(files, "app/validators/__init__.py", "POLL: PollValidation", "POLL: (lambda: PollValidation)()")
    assert "app/validators/poll.py" in applied(files, removed(files, "poll", said(None)))
    after = applied(files, removed(files, "poll", said("overwrite")))
    assert after == pristine_app()


def starts(files: Files, folder: Path) -> bool:
    """Whether the app's modules can be imported."""
    for path, stored in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(stored.content)
    names = [path.removesuffix(".py").replace("/", ".") for path in files if re.fullmatch(r"app/[\w/]+\.py", path)]
    code = f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name.removesuffix('.__init__'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return True


def test_a_shared_column_goes_with_its_last_user() -> None:
    one = "kind: post-type\nname: one\nfields:\n  link: {type: url, column: shared_link}\n"
    two = one.replace("one", "two")
    files = with_type(with_type(pristine_app(), "one", one), "two", two)
    after = applied(files, removed(files, "one"))
    assert "shared_link: str | None" in text_of(after, "app/models.py")
    assert updated(after, "two").changes == ()
    assert "shared_link" not in text_of(applied(after, removed(after, "two")), "app/models.py")


def test_a_spec_that_mesh_did_not_write_stays_unless_told() -> None:
    spec = "kind: post-type\nname: poll  # mine\nfields: {question: {type: string}}\n"
    files = written(pristine_app(), "specs/poll.yaml", spec)
    files = applied(files, generated(files, "poll"))
    plan = removed(files, "poll", said(None))
    assert plan.warnings == (
        "specs/poll.yaml stays: mesh did not write it. Delete it, or mesh check asks for the type",
    )
    assert "specs/poll.yaml" not in applied(files, removed(files, "poll", said("overwrite")))


def test_migrations_that_others_have_stay_and_one_leads_back(app: Files) -> None:
    before = [path for path in app if path.startswith("sql/migrations/")]
    plan = removed(app, "poll", Options(frozen=frozenset))
    after = applied(app, plan)
    assert all(after[path] == app[path] for path in before)
    (added,) = [path for path in after if path not in app]
    assert added > max(before)
    assert added.endswith("_removal.sql")
    assert "DROP CONSTRAINT IF EXISTS" in text_of(after, added)
    assert "DROP COLUMN" not in text_of(after, added)
    assert any(warning.startswith("irreversible: the value POLL stays") for warning in plan.warnings)
    lossy = applied(app, removed(app, "poll", Options(frozen=frozenset, allow_data_loss=True)))
    assert 'DROP COLUMN IF EXISTS "poll_day"' in text_of(lossy, added)


def test_a_type_that_mesh_did_not_make_is_refused(app: Files) -> None:
    with pytest.raises(NotGeneratedError) as caught:
        removed(app, "text")
    assert "mesh did not generate a type 'text' here" in str(caught.value)
    assert caught.value.exit_code == 2
