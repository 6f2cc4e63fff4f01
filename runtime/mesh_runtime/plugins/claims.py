"""Who may have a kind's type: one plug-in only, and of two that claim it neither, so that chance decides nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_descriptors.errors import Place, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from pathlib import Path

    from mesh_descriptors.plugin import PluginDescriptor
    from mesh_runtime.plugins.folders import Candidate


@dataclass(frozen=True, slots=True)
class Claimant:
    """A plug-in whose descriptor could be read."""

    candidate: Candidate
    descriptor: PluginDescriptor

    @property
    def first_party(self) -> bool:
        """Whether mesh ships it."""
        return self.candidate.folder.first_party

    @property
    def claim(self) -> tuple[str, str]:
        """The kind and type that it wants."""
        return (self.descriptor.kind, self.descriptor.type)


def settle(claimants: Iterable[Claimant]) -> tuple[tuple[Claimant, ...], dict[Path, tuple[Problem, ...]]]:
    """Decide who loads: the winners, and the problems of the others by their folder.

    A first-party plug-in that a project's plug-in replaces, and says so, is in neither.
    """
    every = tuple(claimants)
    overridden = {one.claim for one in every if one.descriptor.replaces_first_party and not one.first_party}
    left = tuple(one for one in every if not (one.first_party and one.claim in overridden))
    refused = _twins(left) | _rivals(left)
    return tuple(one for one in left if one.candidate.path not in refused), refused


def _rivals(claimants: Iterable[Claimant]) -> dict[Path, tuple[Problem, ...]]:
    refused: dict[Path, tuple[Problem, ...]] = {}
    for one, others in _sharing(claimants, lambda one: one.claim):
        kind, name = one.claim
        message = f"the {kind} {name!r} is claimed by {_named(others)} too; none of them is loaded"
        remedy = "Change the type of one, or remove it."
        if any(other.first_party for other in others):
            remedy = "Set replaces_first_party = true to have yours in place of the one that mesh ships."
        elif one.first_party:
            remedy = f"Set replaces_first_party = true in {_named(others)} to replace this one, which mesh ships."
        refused[one.candidate.path] = (Problem(message, one.candidate.place("type"), remedy),)
    return refused


def _twins(claimants: Iterable[Claimant]) -> dict[Path, tuple[Problem, ...]]:
    """A folder's name is the plug-in's, and the key of its config: a project cannot have two of one name."""
    refused: dict[Path, tuple[Problem, ...]] = {}
    for one, others in _sharing([one for one in claimants if not one.first_party], lambda one: one.candidate.name):
        message = f"another plug-in has this folder's name: {_named(others)}; none of them is loaded"
        place = Place(one.candidate.shown())
        refused[one.candidate.path] = (Problem(message, place, "Rename one of the folders."),)
    return refused


def _sharing(
    claimants: Iterable[Claimant], key: Callable[[Claimant], Hashable]
) -> list[tuple[Claimant, list[Claimant]]]:
    """Each claimant that shares its key, with those that it shares it with."""
    groups: defaultdict[Hashable, list[Claimant]] = defaultdict(list)
    for one in claimants:
        groups[key(one)].append(one)
    crowded = [group for group in groups.values() if len(group) > 1]
    return [(one, [other for other in group if other is not one]) for group in crowded for one in group]


def _named(claimants: Iterable[Claimant]) -> str:
    return " and ".join(one.candidate.shown() for one in claimants)
