"""Figures and what was expected of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        name: what was measured.
        target: in words; empty for a figure that others are compared with.
        figure: in words.
        value: as a number; None when it could not be measured.
        met: None when there is nothing to meet.
    """

    name: str
    figure: str
    value: float | None = None
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """As the table says it."""
        return "" if self.met is None else "met" if self.met else "MISSED"


def rate(name: str, value: float) -> Figure:
    """A rate that others are compared with."""
    return Figure(name=name, figure=f"{value:,.0f}/s", value=value)


def share(name: str, value: float, of: float, least: float, what: str) -> Figure:
    """A rate that must be at least a share of another."""
    part = value / of
    return Figure(
        name=name,
        figure=f"{value:,.0f}/s = {part:.0%}",
        value=value,
        target=f">= {least:.0%} of {what}",
        met=part >= least,
    )


def missing(name: str, why: str) -> Figure:
    """Something that could not be measured."""
    return Figure(name=name, figure=f"missing: {why}")


def table(figures: Sequence[Figure]) -> str:
    """All of them, for people."""
    head = ("measure", "target", "figure", "verdict")
    lines = [head, *((each.name, each.target, each.figure, each.verdict) for each in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, tuple("-" * width for width in widths))  # type: ignore[arg-type]  # as many as in head
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def jsonable(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [asdict(each) for each in figures]
