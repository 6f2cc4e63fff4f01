"""User ids: a positive bigint or a UUID, kept as text in one canonical form."""

from __future__ import annotations

import re
from uuid import UUID

from mesh_runtime.ingest.errors import UserIdError

_BIGINT_MAX = 2**63 - 1


def parse_user_id(text: str | int) -> str:
    """The canonical text of a user id: a number without leading zeros, or a lower-case UUID with hyphens.

    A number is taken only as an app writes it: `01` and `" 7"` are slips of whoever put the command together.

    Raises:
        UserIdError: it is neither.
    """
    written = str(text)
    if re.fullmatch(r"[1-9][0-9]{0,18}", written) and int(written) <= _BIGINT_MAX:
        return written
    if re.fullmatch(r"[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}", written):
        return str(UUID(written))
    raise UserIdError(
        f"{written[:100]!r} is not a user id",
        remedy="Give the id of a user of your app: a positive whole number such as 42, or a UUID.",
    )
