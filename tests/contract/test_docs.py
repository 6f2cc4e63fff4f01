"""Every command and every option is documented, and every link in the documentation leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from mesh_cli.main import _loaded, registered

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])


def commands_below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for child, sub_command in getattr(command, "commands", {}).items():
        yield from commands_below(f"{name} {child}", sub_command)


@pytest.mark.parametrize("name", sorted(registered()))
def test_a_command_has_a_page_that_names_its_sub_commands_and_options(name: str) -> None:
    page = (ROOT / "docs" / "commands" / f"{name}.md").read_text()
    for path, command in commands_below(name, typer.main.get_command(_loaded(registered()[name]))):
        assert f"mesh {path}" in page, f"docs/commands/{name}.md does not mention `mesh {path}`"
        for parameter in command.params:
            longest = max(parameter.opts, key=len)
            if longest.startswith("--") and longest not in {"--help", "--install-completion", "--show-completion"}:
                assert f"`{longest}" in page, f"docs/commands/{name}.md does not mention `{longest}` of mesh {path}"
                assert parameter.help, f"mesh {path} {longest} has no help text"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_the_index_of_the_documentation_lists_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in sorted((ROOT / "docs").rglob("*.md")):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name == "README.md" or f"({name})" in index, f"docs/README.md does not link to {name}"
