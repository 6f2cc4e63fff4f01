"""A loss of power, from the log of calls: what no sync had made last is gone."""

from __future__ import annotations

import contextlib
import os
import random
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_scaffold.apply import ApplyError, apply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .conftest import Bench


@dataclass(eq=False)
class Node:
    """A file or link (`content`), or a folder: its names as they are, and as they would be after a loss of power."""

    mode: int = 0o755
    content: bytes | str | None = None
    now: dict[str, Node] = field(default_factory=dict)
    lasting: dict[str, Node] = field(default_factory=dict)
    lasting_mode: int = 0o755


class Disk:
    """What calls made of a folder, in memory. A file's content lasts, for `write_new` syncs it; its name does not."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = _read(root)

    def play(self, calls: Sequence[tuple[Any, ...]]) -> None:
        """Do what the calls do."""
        for name, *arguments in calls:
            getattr(self, name)(*arguments)

    def write_out(self, target: Path, lasts: Callable[[str], bool]) -> None:
        """The folder after the loss of power; `lasts` says whose names were written though no sync asked for it."""
        _write(self._top, target, "", lasts, {})

    def make_folder(self, path: Path) -> None:
        self._names(path).setdefault(path.name, Node())

    def remove_folder(self, path: Path) -> None:
        self._names(path).pop(path.name)

    def remove(self, path: Path) -> None:
        self._names(path).pop(path.name)

    def set_mode(self, path: Path, mode: int) -> None:
        self._node(path).mode = mode

    def write_new(self, path: Path, content: bytes, mode: int) -> None:
        self._names(path)[path.name] = Node(mode, content)

    def keep(self, source: Path, path: Path) -> None:
        self._names(path)[path.name] = self._node(source)

    def replace(self, source: Path, path: Path) -> None:
        self._names(path)[path.name] = self._names(source).pop(source.name)

    def sync_folder(self, path: Path) -> None:
        if path.is_relative_to(self._root):
            node = self._node(path)
            node.lasting, node.lasting_mode = dict(node.now), node.mode

    def open_lock(self, path: Path) -> None:
        self._names(path).setdefault(path.name, Node(0o600, b""))

    def sign_lock(self, descriptor: int, content: bytes) -> None:
        """Nobody reads it after a loss of power."""

    def _node(self, path: Path) -> Node:
        node = self._top
        for part in path.relative_to(self._root).parts:
            node = node.now[part]
        return node

    def _names(self, path: Path) -> dict[str, Node]:
        return self._node(path.parent).now


def _read(path: Path) -> Node:
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if path.is_symlink():
        return Node(mode, str(path.readlink()))
    if path.is_file():
        return Node(mode, path.read_bytes())
    names = {child.name: _read(child) for child in path.iterdir()}
    return Node(mode, None, names, dict(names), mode)


def _write(node: Node, path: Path, name: str, lasts: Callable[[str], bool], seen: dict[int, Path]) -> None:
    if isinstance(node.content, str):
        path.symlink_to(node.content)
    elif id(node) in seen:
        os.link(seen[id(node)], path)
    elif node.content is not None:
        path.write_bytes(node.content)
        path.chmod(node.mode)
        seen[id(node)] = path
    else:
        path.mkdir()
        written = lasts(name)
        for child, below in (node.now if written else node.lasting).items():
            _write(below, path / child, f"{name}/{child}", lasts, seen)
        path.chmod(node.mode if written else node.lasting_mode)


def nothing(name: str) -> bool:
    del name
    return False


def some_folders(seed: int) -> Callable[[str], bool]:
    """Some of the project's own folders were written by the system on its own."""
    chance = random.Random(seed)
    return lambda name: not name.startswith("/.mesh/local") and chance.random() < 0.5


def replayed(calls: Sequence[tuple[Any, ...]], root: Path, made_in: Path) -> Disk:
    """The project of a trial after these calls."""
    disk = Disk(root)
    disk.play([_moved(call, made_in, root) for call in calls])
    return disk


def _moved(call: tuple[Any, ...], old: Path, new: Path) -> tuple[Any, ...]:
    return tuple(new / part.relative_to(old) if isinstance(part, Path) and part.is_relative_to(old) else part
                 for part in call)  # fmt: skip


def test_the_model_ends_with_what_the_disk_has(bench: Bench) -> None:
    root, plan = bench.trial()
    disk = Disk(root)
    files = bench.Faults()
    apply(plan, root, files)  # type: ignore[arg-type]
    disk.play(files.log)
    target = bench.folder()
    disk.write_out(target, nothing)
    assert bench.snapshot(target) == bench.new  # all of it lasts when the command has ended


def test_a_loss_of_power_at_any_call_is_recovered(bench: Bench) -> None:
    made_in = bench.log[0][1].parent
    ends = set()
    for length in range(len(bench.log) + 1):
        for lasts in (nothing, *(some_folders(length * 5 + seed) for seed in range(4))):
            root, _ = bench.trial()
            disk = replayed(bench.log[:length], root, made_in)
            target = bench.folder()
            disk.write_out(target, lasts)
            bench.recover(target)
            ends.add(bench.ended(target))
    assert ends == {"old", "new"}


def test_a_loss_of_power_at_any_call_of_the_recovery_is_recovered(bench: Bench) -> None:
    for at in range(len(bench.log)):
        root = bench.killed(at)
        files = bench.Faults()
        bench.recover(root, files)
        for length in range(at % 4, len(files.log), 4):
            again = bench.killed(at)
            disk = replayed(files.log[:length], again, root)
            target = bench.folder()
            disk.write_out(target, some_folders(length) if length % 2 else nothing)
            bench.recover(target)
            bench.ended(target)


def test_a_loss_of_power_while_an_error_is_taken_back_is_recovered(bench: Bench) -> None:
    for at in range(0, len(bench.log), 2):
        root, plan = bench.trial()
        made_in, files = root, bench.Faults(at, bench.no_space)
        with contextlib.suppress(ApplyError):
            apply(plan, root, files)  # type: ignore[arg-type]
        calls = [*files.log[:at], *files.log[at + 1 :]]
        for length in range(at, len(calls), 3):
            root, _ = bench.trial()
            disk = replayed(calls[:length], root, made_in)
            target = bench.folder()
            disk.write_out(target, nothing)
            bench.recover(target)
            bench.ended(target)
