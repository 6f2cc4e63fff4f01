"""What a generator costs: `mesh new` beside a bare Jinja script and Copier, each writing a post type's files.

    python benchmarks/generate.py [--runs 7]

Each is a whole process from start to end, with everything that it imports; medians of CPU and wall-clock milliseconds.
The peers only render files. `mesh new` also reads and checks the spec, edits four shared files by syntax, writes
migrations, plans, applies in a transaction and records. A dry run leaves out the last two.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from command_speed.processes import measured, mesh, print_medians

SPEC = """\
kind: post-type
name: poll
fields:
  question: {type: string, max_length: 120}
  options: {type: "list[string]", min_items: 2, max_items: 6}
  closes: {type: datetime, required: false}
"""
BARE = """\
import sys
from pathlib import Path
from jinja2 import Environment, FileSystemLoader
environment = Environment(loader=FileSystemLoader(sys.argv[1]))
Path(sys.argv[2]).mkdir()
for name in environment.list_templates(filter_func=lambda name: name.endswith(".jinja")):
    Path(sys.argv[2], name.removesuffix(".jinja")).write_text(environment.get_template(name).render(name="poll"))
"""
COPIER = "import sys; from copier import run_copy; run_copy(sys.argv[1], sys.argv[2], defaults=True, quiet=True)"


def template(folder: Path) -> Path:
    """Ten small files for the peers."""
    folder.mkdir()
    (folder / "copier.yml").write_text("name: {type: str, default: poll}\n_exclude: [copier.yml]\n")
    for number in range(10):
        (folder / f"file_{number}.py.jinja").write_text('"""The {{ name }}."""\n\nNAME = "{{ name }}"\n' * 5)
    return folder


def app_with_spec(folder: Path) -> Path:
    """A new app with a spec that nothing was generated from yet."""
    subprocess.run(mesh("init", str(folder)), check=True, stdout=subprocess.DEVNULL)
    (folder / "specs" / "poll.yaml").write_text(SPEC)
    return folder


def main() -> None:
    """Run each in turn, so that all see the same machine, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="how often each runs; default 7")
    runs = parser.parse_args().runs
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        peers, app = template(home / "template"), app_with_spec(home / "app")
        for run in range(runs):
            copy = shutil.copytree(app, home / f"app{run}")
            new = mesh("new", "post-type", "specs/poll.yaml")
            for name, command, cwd in (
                ("a bare Jinja script", [sys.executable, "-c", BARE, str(peers), str(home / f"bare{run}")], home),
                ("copier copy", [sys.executable, "-c", COPIER, str(peers), str(home / f"copier{run}")], home),
                ("mesh --help", mesh("--help"), copy),
                ("mesh new --dry-run", [*new, "--dry-run"], copy),
                ("mesh new", new, copy),
                ("mesh new, nothing to do", new, copy),
                ("mesh check", mesh("check"), copy),
            ):
                times.setdefault(name, []).append(measured(command, cwd))
    print_medians(runs, times)


if __name__ == "__main__":
    main()
