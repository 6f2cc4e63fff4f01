"""Whole processes: what one costs, and the medians of several that took turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def mesh(*arguments: str) -> list[str]:
    """The command line of `mesh`."""
    return [sys.executable, "-m", "mesh_cli", *arguments]


def measured(command: list[str], cwd: Path) -> tuple[float, float]:
    """CPU and wall-clock milliseconds of one run."""
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    after, wall = os.times(), time.perf_counter() - started
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu * 1000, wall * 1000


def print_medians(runs: int, times: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """A line for each name, with the medians of its measurements."""
    print(f"{'median of ' + str(runs):<26}{'CPU ms':>10}{'wall ms':>10}")
    for name, measurements in times.items():
        cpu, wall = (statistics.median(values) for values in zip(*measurements, strict=True))
        print(f"{name:<26}{cpu:>10.0f}{wall:>10.0f}")
