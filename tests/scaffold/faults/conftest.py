"""A project with a change that has everything in it, and disks that fail, are killed and lose their power."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mesh_scaffold.apply import apply, changing
from mesh_scaffold.files import DiskFiles
from mesh_scaffold.plan import Plan
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Snapshot = dict[str, tuple[str, int, bytes]]


class Faults:
    """The real calls, counted; at the one with the number `at`, `strike` is called instead or before."""

    def __init__(self, at: int | None = None, strike: Callable[[Any], None] | None = None) -> None:
        self.log: list[tuple[Any, ...]] = []
        self._at = at
        self._strike = strike
        self._real = DiskFiles()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            self.log.append((name, *arguments))
            if self._strike and len(self.log) - 1 == self._at:
                self._strike(self.log[-1])
            return getattr(self._real, name)(*arguments)

        return call


class FullDisk(Faults):
    """Every call from the number `at` on fails."""

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            self.log.append((name, *arguments))
            if self._at is not None and len(self.log) > self._at:
                no_space(self.log[-1])
            return getattr(self._real, name)(*arguments)

        return call


def no_space(call: tuple[Any, ...]) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(call[1]))


def kill(call: tuple[Any, ...]) -> None:
    del call
    os.kill(os.getpid(), signal.SIGKILL)


def tear(call: tuple[Any, ...]) -> None:
    """Die in the middle of writing a file; other calls happen in one instant."""
    if call[0] == "write_new":
        call[1].write_bytes(call[2][: len(call[2]) // 2])
    kill(call)


def make_project(root: Path) -> Tree:
    """A project, and a tree that creates, edits, deletes, follows a link, changes a mode, and empties a folder."""
    for folder in (".mesh/record", "app/cards/old", "uploads", "specs"):
        (root / folder).mkdir(parents=True)
    (root / "app/cards/old").chmod(0o750)
    (root / "app/models.py").write_bytes(b"\tone\r\n\ttwo  \r\nno newline at the end")
    (root / "app/feed.py").write_bytes(b"FEEDS = []\n")
    (root / "link.py").symlink_to("app/models.py")
    (root / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "run.sh").chmod(0o750)
    (root / "tool.py").write_bytes(b"print()\n")
    (root / "old.txt").write_bytes(b"old")
    (root / "app/cards/old/only.html").write_bytes(b"<p>\xff</p>")
    (root / "app/cards/text.html").write_bytes(b"")
    (root / ".mesh/record/post-type.old.json").write_bytes(b"{}\n")
    tree = Tree(Disk(root))
    tree.write("link.py", b"\tone\r\n\t2  \r\nno newline at the end")
    tree.write("app/feed.py", b"FEEDS = [1]\n")
    tree.write("run.sh", b"#!/bin/sh\nexit 1\n")
    tree.write("tool.py", b"print()\n", mode=0o755)
    tree.delete("old.txt")
    tree.delete("app/cards/old/only.html")
    tree.delete(".mesh/record/post-type.old.json")
    tree.write("app/cards/poll.html", b"")
    tree.write("plugins/poll/plugin.toml", "x = 1\n")
    tree.write("app/validators/poll.py", "x = 1\n", mode=0o600)
    tree.write(".mesh/record/post-type.poll.json", "{}\n")
    return tree


def snapshot(root: Path) -> Snapshot:
    """Kind, mode and content of everything under `root` except `.mesh/local`, empty folders included."""
    found = {}
    for folder, folders, files in os.walk(root):
        inside = Path(folder).relative_to(root)
        if inside.as_posix() == ".mesh":
            folders[:] = [name for name in folders if name != "local"]
        for name in (*folders, *files):
            found[(inside / name).as_posix()] = _fingerprint(Path(folder) / name)
    return found


def _fingerprint(path: Path) -> tuple[str, int, bytes]:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return ("link", 0, os.fsencode(path.readlink()))
    mode = stat.S_IMODE(status.st_mode)
    return ("folder", mode, b"") if stat.S_ISDIR(status.st_mode) else ("file", mode, path.read_bytes())


def in_child(work: Callable[[], object]) -> bool:
    """Do `work` in a process of its own; returns whether it was killed there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads of other tests
        child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def copied(source: Path, target: Path) -> Path:
    """A copy with modes and links, hard ones included: a kept file and the one in its place may be the same."""
    seen: dict[int, Path] = {}
    modes = []
    for folder, folders, files in os.walk(source):
        here = target / Path(folder).relative_to(source)
        here.mkdir()
        modes.append((here, stat.S_IMODE(Path(folder).stat().st_mode)))
        for name in (*files, *(name for name in folders if Path(folder, name).is_symlink())):
            _copy_file(Path(folder, name), here / name, seen)
    for here, mode in modes:
        here.chmod(mode)
    return target


def _copy_file(source: Path, target: Path, seen: dict[int, Path]) -> None:
    inode = source.lstat().st_ino
    if inode in seen:
        os.link(seen[inode], target, follow_symlinks=False)
    else:
        seen[inode] = target
        shutil.copy2(source, target, follow_symlinks=False)


class Bench:
    """One project per trial, and the two trees that a trial may end with."""

    Faults, FullDisk = Faults, FullDisk
    no_space, kill, tear = staticmethod(no_space), staticmethod(kill), staticmethod(tear)
    in_child, snapshot, make_project = staticmethod(in_child), staticmethod(snapshot), staticmethod(make_project)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._trials = 0
        root = self.folder()
        plan = Plan.of(make_project(root), "new post-type poll")
        self.old = snapshot(root)
        files = Faults()
        apply(plan, root, files)  # type: ignore[arg-type]  # the real calls are behind __getattr__
        self.new = snapshot(root)
        self.log = files.log

    def folder(self) -> Path:
        """A folder that is not there yet; the one before it goes."""
        shutil.rmtree(self._folder / str(self._trials), ignore_errors=True)
        self._trials += 1
        return self._folder / str(self._trials)

    def trial(self) -> tuple[Path, Plan]:
        """A fresh project and its plan."""
        root = self.folder()
        return root, Plan.of(make_project(root), "new post-type poll")

    def killed(self, at: int, strike: Callable[[Any], None] = kill) -> Path:
        """A project whose apply was killed at that call; killed once, and copied for every trial."""
        kept = self._folder / f"{strike.__name__}-{at}"
        if not kept.exists():
            plan = Plan.of(make_project(kept), "new post-type poll")
            assert in_child(lambda: apply(plan, kept, Faults(at, strike)))  # type: ignore[arg-type]
        return copied(kept, self.folder())

    def recover(self, root: Path, files: Any = None) -> list[str]:
        """What the next changing command does first; returns what it says."""
        said: list[str] = []
        with changing(root, "recovering", files, tell=said.append):
            pass
        return said

    def ended(self, root: Path) -> str:
        """Which of the two trees the trial ended with."""
        found = snapshot(root)
        if found == self.old:
            return "old"
        assert found == self.new, {name: found.get(name) for name in found.keys() ^ self.new.keys()}
        return "new"


@pytest.fixture
def bench() -> Iterator[Bench]:
    """The bench, in memory where the system has such a folder: thousands of syncs are no test of the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Bench(Path(folder))
