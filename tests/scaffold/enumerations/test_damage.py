"""Whatever a file holds, looking at it ends, and without an error."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.enumerations.judge import judge
from mesh_scaffold.enumerations.scan import _READERS, find
from mesh_scaffold.enumerations.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

TYPES = ("text", "image", "product_review", "poll")
PIECES = [
    *("'TEXT'", '"IMAGE"', "PRODUCT_REVIEW", "PostType.POLL", '"()"', "text", "image", "if", "else", "elif", "switch"),
    *("case", "default", "enum", "type", "IN", "VALUES", "ARRAY", "WHEN", "CREATE", "VIEW", "ALTER", "TABLE", "DROP"),
    *("CONSTRAINT", "$$", "--", "/*", "*/", "'", '"', "`", "\n", "\n  ", "- ", "{%", "%}", "{{", "}}", "<select>"),
    *("</select>", '<option value="TEXT">', "<script>", "</script>", "::", "...", ".", "?", "throw", "match", "raise"),
    *"()[]{},;:=|#",
    *("==", "===", "||"),
]


def look(path: str, text: str, types: Sequence[str] = TYPES) -> None:
    found = find([(path, text.encode())], Vocabulary(types), "sql/migrations")
    judge(found.enumerations, types, lines=found.lines)


@pytest.mark.parametrize("suffix", _READERS)
def test_pieces_in_any_order(suffix: str) -> None:
    chance = random.Random(suffix)  # the same pieces every time
    for _ in range(300):
        text = " ".join(chance.choice(PIECES) for _ in range(chance.randrange(60)))
        for path in (f"a{suffix}", f"sql/migrations/1{suffix}"):
            look(path, f"{text} text image product_review poll")


@pytest.mark.parametrize("suffix", [".py", ".ts", ".tsx", ".html", ".yaml", ".toml", ".sql"])
@pytest.mark.parametrize("piece", ["(", "[", "{", "[{", "x = ((", "CASE (", "- ", "{% if x %}", "a: ", "'", "/*", "$$"])
def test_a_piece_ten_thousand_times(suffix: str, piece: str) -> None:
    for path in (f"a{suffix}", f"sql/migrations/1{suffix}"):
        look(path, "CREATE VIEW v AS 'TEXT' 'IMAGE' 'PRODUCT_REVIEW' " + piece * 10_000)
