"""What can be wrong with an export; none of it gets better by trying again."""

from __future__ import annotations

from mesh_runtime.errors import Permanent


class UnreadableExportError(Permanent):
    """The file is not what the connector reads: cut off, no JSON, or another service's."""


class LimitExceededError(Permanent):
    """The file is larger, deeper or more tightly packed than the settings allow; the message names the limit."""


class UnknownConnectorError(Permanent):
    """No plug-in provides a connector of that name."""


class UserIdError(Permanent):
    """The text is no user id."""


class ParserMissingError(Permanent):
    """ijson has no C backend here, and any other would be many times slower."""
