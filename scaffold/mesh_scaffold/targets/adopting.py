"""Reading a hand-written type as the spec that it would have come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mesh_descriptors.errors import MeshError

if TYPE_CHECKING:
    from mesh_scaffold.tree import Tree


class AdoptError(MeshError):
    """The type cannot be told from its code."""


@dataclass(frozen=True, slots=True)
class AdoptedType:
    """What the code of a type says.

    Attributes:
        document: the spec as YAML would hold it.
        notices: what the code says and the spec does not, each with its place.
    """

    document: dict[str, Any]
    notices: tuple[str, ...] = ()


@runtime_checkable
class Adopting(Protocol):
    """A target that can read types from its code."""

    def adopted(self, tree: Tree, name: str) -> AdoptedType:
        """The type of that snake-case name.

        Raises:
            AdoptError: a part of it is not there, or no spec can describe it.
        """
