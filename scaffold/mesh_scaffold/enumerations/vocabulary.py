"""How the code may write a type: `PRODUCT_REVIEW`, `product_review`, `product-review`, `ProductReviewCard`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mesh_scaffold.enumerations.listing import Listing, Word

LEAST = 3
"""The distinct types that make a list an enumeration of them."""

_STYLES: Mapping[str, Callable[[list[str]], str]] = {
    "upper": lambda parts: "_".join(parts).upper(),
    "snake": "_".join,
    "kebab": "-".join,
    "camel": lambda parts: parts[0] + "".join(map(str.capitalize, parts[1:])),
    "pascal": lambda parts: "".join(map(str.capitalize, parts)),
}


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to write every type: a style, and what stands around it."""

    style: str
    prefix: str = ""
    suffix: str = ""

    def of(self, name: str) -> str:
        """The type of that snake-case name, written so."""
        return f"{self.prefix}{_STYLES[self.style](name.split('_'))}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A listing whose members are types.

    Attributes:
        path: the file, relative to the project.
        listing: where and what it is.
        spelling: how it writes types.
        types: the snake-case names that it has, with their lines.
    """

    path: str
    listing: Listing
    spelling: Spelling
    types: Mapping[str, int]

    @property
    def title(self) -> str:
        """What messages call it."""
        name = ".".join(self.listing.names)
        return f"{name} ({self.listing.what})" if name else f"the {self.listing.what}"


class Vocabulary:
    """The types of a project, to recognise them by."""

    def __init__(self, types: Sequence[str]) -> None:
        self._types = tuple(types)
        self._exact: dict[str, list[tuple[str, Spelling]]] = defaultdict(list)
        self._parts: list[tuple[str, str, str]] = []
        for name in self._types:
            for style in _STYLES:
                self._exact[Spelling(style).of(name)].append((name, Spelling(style)))
                self._parts.append((Spelling(style).of(name), style, name))
        self._seeds = [tuple({name, name.replace("_", "-"), name.replace("_", "")}) for name in self._types]
        self._seeds_in_bytes = [tuple(seed.encode() for seed in seeds) for seeds in self._seeds]

    def may_enumerate(self, content: bytes) -> bool:
        """Whether enough types are mentioned for a closer look to be worth it."""
        lowered = content.lower()
        found = 0
        for left, seeds in zip(range(len(self._seeds) - 1, -1, -1), self._seeds_in_bytes, strict=True):
            found += any(seed in lowered for seed in seeds)
            if found >= LEAST:
                return True
            if found + left < LEAST:
                return False
        return False

    def recognise(self, path: str, listing: Listing) -> Enumeration | None:
        """The listing as an enumeration of types; None when it lists something else."""
        if len(listing.members) < LEAST:
            return None
        best: tuple[Spelling, dict[str, int]] | None = None
        for slot in dict.fromkeys(slot for member in listing.members for slot in member):
            words = [member[slot] for member in listing.members if slot in member]
            spelling, types, count = self._read(words)
            if slot and listing.what != "mapping" and count > len(types):
                continue  # records, not a list of types
            if spelling is not None and (best is None or len(types) > len(best[1])):
                best = spelling, types
        if best is None or len(best[1]) < LEAST or 2 * len(best[1]) < len(listing.members):
            return None
        return Enumeration(path, listing, *best)

    def _read(self, words: Sequence[Word]) -> tuple[Spelling | None, dict[str, int], int]:
        """The spelling in which the words name the most types, these with their lines, and how many words do."""
        found: dict[Spelling, dict[str, int]] = defaultdict(dict)
        counts: dict[Spelling, int] = defaultdict(int)
        for word in words:
            for name, spelling in self._readings(word):
                found[spelling].setdefault(name, word.line)
                counts[spelling] += 1
        if not found:
            return None, {}, 0
        best = max(found, key=lambda spelling: (len(found[spelling]), -len(spelling.prefix + spelling.suffix)))
        return best, found[best], counts[best]

    def _readings(self, word: Word) -> Iterator[tuple[str, Spelling]]:
        yield from self._exact.get(word.text, ())
        if not word.is_name:
            return
        for part, style, name in self._parts:
            if part != word.text and part in word.text and style != "kebab":
                before, _, after = word.text.partition(part)
                if _is_apart(before, after, style):
                    yield name, Spelling(style, before, after)


def _is_apart(before: str, after: str, style: str) -> bool:
    """Whether a word of that style can be seen to begin after `before` and to end before `after`."""
    if style in {"upper", "snake"}:
        return (not before or before.endswith("_")) and (not after or after.startswith("_"))
    begins = not before or (style == "pascal" and not before[-1].isupper())
    return begins and (not after or not (after[0].islower() or after[0] == "_"))
