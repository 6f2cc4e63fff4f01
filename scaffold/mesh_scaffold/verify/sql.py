"""Whether SQL is PostgreSQL's: a server reads it and runs nothing of it."""

from __future__ import annotations

from typing import Any

import psycopg

from mesh_descriptors.errors import Place, Problem
from mesh_scaffold.verify.parsing import REMEDY


def sql_problem(connection: psycopg.Connection[Any], path: str, content: bytes) -> Problem | None:
    """The first place in a file that PostgreSQL's parser does not take; None when it takes all of it.

    A server parses the body of a DO block before it runs it, and the body returns before it comes to the SQL.
    """
    text = content.decode("utf-8", "replace")
    # A last statement may stand without its semicolon, and the block takes no empty one.
    refusal = _refusal(connection, text) and _refusal(connection, f"{text}\n;")
    if refusal is None:
        return None
    message, offset = refusal
    line = None if offset is None else text.count("\n", 0, offset) + 1
    return Problem(f"is not PostgreSQL's: {message}", Place(path, line), REMEDY)


def _refusal(connection: psycopg.Connection[Any], text: str) -> tuple[str, int | None] | None:
    """What the parser says, and at which character of the text; None when it takes it."""
    tag = "$read$"
    while tag in text:
        tag = f"{tag[:-1]}_$"
    head = " BEGIN RETURN; "
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(f"DO {tag}{head}{text}\nEND {tag}".encode())
    except psycopg.Error as error:
        # Positions count from 1: in the block's body, or in the whole statement.
        inner, outer = error.diag.internal_position, error.diag.statement_position
        position = int(inner) if inner else int(outer) - len(f"DO {tag}") if outer else None
        offset = None if position is None else min(max(position - 1 - len(head), 0), len(text))
        return error.diag.message_primary or str(error), offset
    return None
