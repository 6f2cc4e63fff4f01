"""What `mesh check` costs as an app grows: CPU and wall-clock milliseconds of whole processes.

    python benchmarks/check.py [--runs 7] [--types 0 10 40]

Each app has the three hand-written types of `mesh init` and that many generated ones, of four fields each. The limit to
compare with is the first line: what Python takes to read and parse the same files, once each, and to do nothing more.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from command_speed.processes import measured, mesh, print_medians

FIELDS = ("title:string", "options:list[string]", "closes:datetime?", "rating:int?")
PARSE = """\
import ast
from pathlib import Path
for path in Path().rglob("*"):
    if path.suffix in {".py", ".sql", ".html", ".toml", ".yaml", ".js"}:
        text = path.read_text()
        if path.suffix == ".py":
            ast.parse(text)
"""


def app_with(folder: Path, types: int) -> Path:
    """A new app with `types` generated types."""
    subprocess.run(mesh("init", str(folder)), check=True, stdout=subprocess.DEVNULL)
    fields = [part for field in FIELDS for part in ("--field", field)]
    for number in range(types):
        new = mesh("new", "post-type", f"type_{number}", *fields, "--verify", "none")
        subprocess.run(new, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return folder


def main() -> None:
    """Run each in turn, so that all see the same machine, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="how often each runs; default 7")
    parser.add_argument("--types", type=int, nargs="+", default=[0, 10, 40], help="generated types; default 0 10 40")
    arguments = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        apps = {types: app_with(Path(temporary) / f"app{types}", types) for types in arguments.types}
        for _ in range(arguments.runs):
            for types, app in apps.items():
                for name, command in (("parse once", [sys.executable, "-c", PARSE]), ("mesh check", mesh("check"))):
                    times.setdefault(f"{name}, {types + 3} types", []).append(measured(command, app))
    print_medians(arguments.runs, times)


if __name__ == "__main__":
    main()
