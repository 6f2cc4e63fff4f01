"""Named, described queries: the blocks of the files in `sql/queries/`, which look like this.

```sql
-- name: claim_batch
-- Takes up to `limit` ready jobs for the worker.
SELECT ... %(limit)s ...;
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from mesh_descriptors.errors import Place
from mesh_runtime.database.resources import sql_folder
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = re.compile(r"--\s*name:\s*(.*?)\s*$")
_COMMENT = re.compile(r"--\s?(.*)$")


class QueryFileError(DatabaseError):
    """A file of queries is not what it must be."""


@dataclass(frozen=True, slots=True)
class Query:
    """One named query.

    Attributes:
        name: unique in its file.
        description: what it does, in words.
        sql: the statement, with `%(name)s` for its parameters.
        place: where it stands.
    """

    name: str
    description: str
    sql: LiteralString
    place: Place


class Queries(Mapping[str, Query]):
    """The queries of one file, by name."""

    def __init__(self, file: str, found: Mapping[str, Query]) -> None:
        self._file = file
        self._found = dict(found)

    def __getitem__(self, name: str) -> Query:
        """The query of that name; a KeyError names the file."""
        try:
            return self._found[name]
        except KeyError:
            raise KeyError(f"{self._file} has no query named {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        """The names, in the file's order."""
        return iter(self._found)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._found)


def queries(name: str) -> Queries:
    """The queries of `sql/queries/<name>.sql`.

    Raises:
        QueryFileError: the file is missing, or a block lacks its name, description or statement, or a name comes twice.
    """
    return read_queries(sql_folder() / "queries" / f"{name}.sql")


def read_queries(path: Path) -> Queries:
    """The queries of the file at `path`; errors as `queries` has them."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise QueryFileError("no such file of queries", place=Place(str(path))) from error
    found: dict[str, Query] = {}
    for line, name, block in _blocks(path, text):
        query = _query(Place(str(path), line), name, block)
        if name in found:
            raise QueryFileError(
                f"the query {name!r} is here twice; first on line {found[name].place.line}", place=query.place
            )
        found[name] = query
    return Queries(str(path), found)


def _blocks(path: Path, text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Each block's first line, name and lines after it."""
    start, name, block = 0, "", list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _NAME.match(line):
            if start:
                yield start, name, block
            start, name, block = number, found[1], []
        elif start:
            block.append(line)
        elif line.strip() and not line.startswith("--"):
            raise QueryFileError(
                "a statement stands before the first name",
                place=Place(str(path), number),
                remedy="Begin each query with a line `-- name: ...`.",
            )
    if start:
        yield start, name, block


def _query(place: Place, name: str, block: list[str]) -> Query:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise QueryFileError(f"{name!r} is not a query's name", place=place, remedy="Write it like claim_batch.")
    described = 0
    while described < len(block) and _COMMENT.match(block[described]):
        described += 1
    description = " ".join(line.lstrip("-").strip() for line in block[:described]).strip()
    sql = "\n".join(block[described:]).strip().rstrip(";")
    if not description or not sql:
        lacks = "description" if not description else "statement"
        raise QueryFileError(
            f"the query {name!r} has no {lacks}",
            place=place,
            remedy="Under its name come comment lines that describe it, then the statement.",
        )
    return Query(name, description, sql, place)
