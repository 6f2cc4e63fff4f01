"""`mesh demo`: the whole product once, on input of real size, each step with its time."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.console import emit_json, print_table, progress
from mesh_descriptors.errors import Place
from mesh_runtime.cli.demonstration.project import DemoError, Project, get_json
from mesh_runtime.cli.demonstration.report import Report
from mesh_runtime.database import connect, queries, server
from mesh_runtime.discovery.candidates import candidates
from mesh_runtime.ingest import submit
from mesh_runtime.ingest.synthetic import BIG, taste_groups, write_liked_songs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from mesh_runtime.ingest.synthetic import Listener
    from mesh_runtime.settings import Settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_SQL = queries("demo")
_NEAREST = 10

POLL = """\
kind: post-type
name: poll
label: Poll
icon: list
feeds: [global]
fields:
  question: {type: string, max_length: 120}
  options:  {type: "list[string]", min_items: 2, max_items: 6}
  closes:   {type: datetime, required: false}
"""

CREATE_POLL = """\
from app.actions import CreatePostParams, create_post
from app.models import PostType
from mesh_runtime.database import connect
from mesh_runtime.settings import Settings

params = CreatePostParams(type=PostType.POLL, poll_question="Tea or coffee?", poll_options=["tea", "coffee"])
with connect(Settings.load()) as connection:
    print(create_post(connection, 1, params).id)
"""


@app.command()
def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Where to make the app, which then stays. Default: a temporary folder."),
    ] = None,
    users: Annotated[int, typer.Option(min=16, max=2000, help="How many users besides the one with 15 MB.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print the steps as JSON at the end.")] = False,
) -> None:
    """Make an app, add a post type to it, and turn exports into taste vectors and candidates.

    Nothing is left running.
    """
    signal.signal(signal.SIGTERM, _interrupt)  # so that what was started is stopped
    report = Report(silent=as_json)
    with _home(folder) as home:
        report.note(f"mesh demo in {home}\n")
        purity = _run(Project(home), report, users)
    _say_what_next(report, folder)
    if as_json:
        emit_json({"steps": [asdict(step) for step in report.steps], "own_group": purity})


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(143)


@contextmanager
def _home(folder: Path | None) -> Iterator[Path]:
    """The app's folder: the named one, which stays, or a temporary one."""
    if folder is not None:
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise DemoError("is there already", place=Place(str(folder)), remedy="Name a folder that is new or empty.")
        yield folder.absolute()
        return
    temporary = Path(tempfile.mkdtemp(prefix="mesh-demo-"))
    try:
        yield temporary / "app"
    finally:
        shutil.rmtree(temporary)


def _run(project: Project, report: Report, users: int) -> float:
    with report.step("mesh init") as outcome:
        Project(Path.cwd()).mesh("init", str(project.folder))
        outcome.text = "an app with the post types TEXT, IMAGE and PRODUCT_REVIEW"
    with ExitStack() as stack:
        with report.step("mesh db migrate") as outcome:
            stack.enter_context(server(project.settings).running())  # until the end, even if this process is killed
            project.mesh("db", "migrate")
            outcome.text = "on a PostgreSQL with pgvector, of this project alone"
        _add_poll(project, report)
        exports = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mesh-demo-")))
        _serve_poll(project, report, exports)
        listeners = _write_exports(report, exports, users)
        _read_exports(project, report, exports, listeners)
        return _compare(project, report, listeners)


def _add_poll(project: Project, report: Report) -> None:
    (project.folder / "specs" / "poll.yaml").write_text(POLL, encoding="utf-8")
    with report.step("mesh new post-type specs/poll.yaml") as outcome:
        before = _files(project.folder)
        project.mesh("new", "post-type", "specs/poll.yaml")
        after = _files(project.folder)
        edited = sum(1 for path in before.keys() & after.keys() if before[path] != after[path])
        outcome.text = f"{len(after.keys() - before.keys())} files created, {edited} edited"
    with report.step("mesh db migrate") as outcome:
        project.mesh("db", "migrate")
        outcome.text = "an enum value, three columns and their checks"
    with report.step("mesh check") as outcome:
        project.mesh("check")
        outcome.text = "every step holds for every type"


def _files(folder: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".mesh/local" not in path.as_posix() and "__pycache__" not in path.parts
    }


def _serve_poll(project: Project, report: Report, logs: Path) -> None:
    with report.step("create a poll by app.actions.create_post") as outcome:
        post_id = project.python(CREATE_POLL).strip()
        outcome.text = f"post {post_id}"
    with report.step(f"mesh serve, GET /api/posts/{post_id[:8]}...") as outcome:
        arguments = ("serve", "--port", "0", "--no-reload")
        with project.background(*arguments, log=logs / "serve.log", ready="serving ") as url:
            post = get_json(f"{url}/api/posts/{post_id}")
        if (post["type"], post["poll_question"], post["poll_options"]) != ("POLL", "Tea or coffee?", ["tea", "coffee"]):
            raise DemoError(f"the app answers another poll than was created: {post}")
        outcome.text = f"{post['type']}: {post['poll_question']} {' / '.join(post['poll_options'])}"


def _write_exports(report: Report, exports: Path, users: int) -> Sequence[Listener]:
    listeners = taste_groups(users + 1)
    with report.step(f"write the liked songs of {users + 1} made-up users") as outcome:
        for listener in listeners:
            songs = BIG if listener is listeners[0] else None
            write_liked_songs(_export(exports, listener), listener, songs)
        megabytes = _export(exports, listeners[0]).stat().st_size / 1e6
        groups = {listener.group.name for listener in listeners}
        outcome.text = f"{megabytes:.1f} MB for user {listeners[0].user_id}; {len(groups)} groups of taste"
    return listeners


def _export(exports: Path, listener: Listener) -> Path:
    return exports / f"{listener.user_id}.json"


def _read_exports(project: Project, report: Report, exports: Path, listeners: Sequence[Listener]) -> None:
    big, *others = listeners
    with project.background("worker", log=exports / "worker.log"):
        with report.step(f"mesh ingest spotify {big.user_id}.json --user {big.user_id}") as outcome:
            project.mesh("ingest", "spotify", str(_export(exports, big)), "--user", str(big.user_id))
            outcome.text = f"{BIG:,} songs, streamed, resolved, embedded and pooled"
        with report.step(f"the same for {len(others)} more users") as outcome:
            settings = project.settings
            with connect(settings) as connection:
                for listener in others:
                    submit(settings, connection, "spotify", _export(exports, listener), listener.user_id)
                    connection.commit()
            media, embedded = _wait_until_read(settings, len(listeners))
            outcome.text = f"{media:,} canonical media, {embedded:,} embeddings, {len(listeners)} taste vectors"


def _wait_until_read(settings: Settings, expected: int) -> tuple[int, int]:
    ready, deadline = 0, time.monotonic() + 300
    with connect(settings, autocommit=True) as connection, progress("reading exports", expected) as advance:
        while ready < expected:
            row = connection.execute(_SQL["reading_progress"].sql).fetchone() or (0, 0, 0)
            if row[1] or time.monotonic() > deadline:
                raise DemoError(f"of {row[2]} exports, {row[0]} were read and {row[1]} have failed")
            advance(row[0] - ready)
            ready = row[0]
            time.sleep(0.1)
        media, embedded = connection.execute(_SQL["library_size"].sql).fetchone() or (0, 0)
    return media, embedded


def _compare(project: Project, report: Report, listeners: Sequence[Listener]) -> float:
    """Which part of the places among all users' nearest that their own group could fill it does."""
    group = {str(listener.user_id): listener.group.name for listener in listeners}
    with report.step(f"mesh candidates, the {_NEAREST} nearest of each user") as outcome:
        with connect(project.settings) as connection:
            nearest = {user: candidates(connection, user, _NEAREST) for user in group}
        members = Counter(group.values())
        own = sum(group[one.user_id] == group[user] for user, found in nearest.items() for one in found)
        # A group smaller than the list cannot fill it.
        purity = own / sum(min(_NEAREST, members[name] - 1) for name in group.values())
        outcome.text = f"{purity:.1%} are of the user's own group"
    first = str(listeners[0].user_id)
    if not report.silent:
        report.note(f"\nmesh candidates --user {first} -k 5     (user {first} likes {group[first]})\n", bold=True)
        rows = [(one.user_id, f"{one.score:.3f}", group[one.user_id]) for one in nearest[first][:5]]
        print_table(["user", "score", "group"], rows, right=["user", "score"])
    return purity


def _say_what_next(report: Report, folder: Path | None) -> None:
    total = sum(step.seconds for step in report.steps)
    report.note(f"\nDone in {total:.0f} s. Next:\n", bold=True)
    start = f"cd {folder}" if folder else "mesh init myapp && cd myapp && mesh db migrate"
    report.note(f"  {start}")
    report.note("  mesh serve --migrate                                   # the feed at http://127.0.0.1:8000")
    report.note("  mesh new post-type event --field 'name:string' --field 'starts:datetime' --dry-run")
    report.note("  mesh check                                             # what holds for which type, and where not")
