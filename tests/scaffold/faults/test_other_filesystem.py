"""A project whose `plugins` is another filesystem: nothing moves from one to the other in one instant."""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from mesh_scaffold import staging
from mesh_scaffold.apply import ApplyError, apply
from mesh_scaffold.files import DiskFiles
from mesh_scaffold.plan import Plan
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Bench


def device_of(path: Path) -> int:
    return 2 if "plugins" in path.parts else 1


@pytest.fixture(autouse=True)
def two_filesystems(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel does between two filesystems: no second names, no moves."""
    del bench  # it is made before, on one filesystem

    def refuse_across(source: Path, path: Path) -> None:
        if device_of(source) != device_of(path):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(path))

    replace, link = DiskFiles.replace, os.link

    def across_link(source: Path, path: Path, **options: Any) -> None:
        refuse_across(source, path)
        link(source, path, **options)

    def across_replace(self: DiskFiles, source: Path, path: Path) -> None:
        refuse_across(source, path)
        replace(self, source, path)

    monkeypatch.setattr(staging, "device_of", device_of)
    monkeypatch.setattr(os, "link", across_link)
    monkeypatch.setattr(DiskFiles, "replace", across_replace)


def make_plan(root: Path) -> Plan:
    (root / "plugins/text").mkdir(parents=True)
    (root / "app").mkdir()
    (root / ".mesh").mkdir()
    (root / "plugins/text/plugin.toml").write_bytes(b"old\n")
    (root / "app/models.py").write_bytes(b"old\n")
    tree = Tree(Disk(root))
    for path in ("plugins/text/plugin.toml", "plugins/poll/plugin.toml", "app/models.py"):
        tree.write(path, b"new\n")
    return Plan.of(tree, "new")


def test_files_are_staged_on_the_filesystem_of_their_target_whatever_happens(bench: Bench) -> None:
    counted, root = bench.Faults(), bench.folder()
    plan = make_plan(root)
    old = bench.snapshot(root)
    apply(plan, root, counted)  # type: ignore[arg-type]
    new = bench.snapshot(root)
    assert sorted(path.read_bytes() for path in root.glob(".mesh/local/undo/1/*.old")) == [b"old\n", b"old\n"]
    for at, call in enumerate(counted.log):
        root = bench.folder()
        plan = make_plan(root)
        assert bench.in_child(partial(apply, plan, root, bench.Faults(at, bench.kill)))
        bench.recover(root)
        assert bench.snapshot(root) in (old, new), call
        root = bench.folder()
        plan = make_plan(root)
        try:
            apply(plan, root, bench.Faults(at, bench.no_space))  # type: ignore[arg-type]
        except ApplyError:
            assert bench.snapshot(root) == old, call
        bench.recover(root)  # a folder of staged files that could not be removed goes now
        assert bench.snapshot(root) in (old, new), call
