"""The order of imports that isort, and with it ruff, asks for."""

from __future__ import annotations

import sys


def section(module: str, first_party: frozenset[str]) -> int:
    """Which block of imports a module belongs to: `__future__`, standard library, third parties, ours, relative."""
    top = module.split(".")[0]
    if module.startswith("."):
        return 4
    if top == "__future__":
        return 0
    if top in sys.stdlib_module_names:
        return 1
    return 3 if top in first_party else 2


def name_order(name: str) -> tuple[int, str, str]:
    """What names in one import are sorted by: constants, classes, the rest."""
    group = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return (group, name.lower(), name)
