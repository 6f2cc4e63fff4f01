r"""Whether a regular expression can take time that doubles with each character of a text: `(a+)+$` on "aaaa!".

JavaScript and Python try one way after the other in which a pattern can match. Where one text can be repeated in two
ways by the same loop, there are twice as many ways after each repetition. This looks for such a loop in the automaton
of the pattern's characters (Glushkov's; the criterion is that of exponential ambiguity, Weber and Seidl 1991).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from re import _constants as constants  # type: ignore[attr-defined]  # the parse tree of `re` has no public name
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

COPIES = 3
"""So many repetitions are written out; more behave as a loop does."""
MAX_WAYS = 200_000
"""A pattern with more ways from pair to pair of its characters is not looked at further."""

Members: TypeAlias = tuple[tuple[int, int], ...]
"""The ranges of code points that a character of the pattern stands for."""
Node: TypeAlias = tuple[int, int]
T = TypeVar("T", bound="Hashable")


@dataclass(slots=True)
class _Part:
    """A part of a pattern: whether it matches nothing, and which characters begin and end it."""

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    nullable: bool = True


@dataclass(slots=True)
class _Automaton:
    """The characters of a pattern, and which follow which.

    Attributes:
        members: what each stands for.
        follow: which may follow each.
        doubled: which follow each other in two ways.
    """

    members: list[Members] = field(default_factory=list)
    follow: list[set[int]] = field(default_factory=list)
    doubled: set[Node] = field(default_factory=set)

    def character(self, members: Members) -> _Part:
        self.members.append(members)
        self.follow.append(set())
        at = len(self.members) - 1
        return _Part((at,), (at,), nullable=False)

    def joined(self, one: _Part, other: _Part) -> _Part:
        self._link(one.last, other.first)
        first = (*one.first, *other.first) if one.nullable else one.first
        last = (*one.last, *other.last) if other.nullable else other.last
        return _Part(first, last, nullable=one.nullable and other.nullable)

    def looped(self, part: _Part) -> _Part:
        self._link(part.last, part.first)
        return part

    def _link(self, sources: Iterable[int], targets: Iterable[int]) -> None:
        ends = tuple(targets)
        for source in sources:
            for target in ends:
                if target in self.follow[source]:
                    self.doubled.add((source, target))
                self.follow[source].add(target)


def explodes(pattern: str) -> bool:
    """Whether some texts take exponential time; `pattern` compiles in Python."""
    automaton = _Automaton()
    _sequence(automaton, parser.parse(pattern))
    loops = _components(range(len(automaton.members)), lambda node: automaton.follow[node])
    if any(loops[source] == loops[target] for source, target in automaton.doubled):
        return True
    within = [[at for at in follow if loops[at] == loops[node]] for node, follow in enumerate(automaton.follow)]
    return _is_ambiguous(automaton.members, within)


def _sequence(automaton: _Automaton, parts: Iterable[tuple[Any, Any]]) -> _Part:
    whole = _Part()
    for operation, argument in parts:
        whole = automaton.joined(whole, _part(automaton, operation, argument))
    return whole


def _part(automaton: _Automaton, operation: Any, argument: Any) -> _Part:
    if operation in (constants.MAX_REPEAT, constants.MIN_REPEAT):
        return _repeated(automaton, *argument)
    if operation is constants.SUBPATTERN:
        return _sequence(automaton, argument[3])
    if operation is constants.BRANCH:
        branches = [_sequence(automaton, branch) for branch in argument[1]]
        first = tuple(at for branch in branches for at in branch.first)
        last = tuple(at for branch in branches for at in branch.last)
        return _Part(first, last, nullable=any(branch.nullable for branch in branches))
    members = _members(operation, argument)
    return automaton.character(members) if members else _Part()


def _repeated(automaton: _Automaton, least: int, most: Any, body: Any) -> _Part:
    shortest, longest = body.getwidth()
    is_loop = most is constants.MAXREPEAT or (most > COPIES and (least != most or shortest != longest))
    if is_loop:
        part = automaton.looped(_sequence(automaton, body))
        return _Part(part.first, part.last, nullable=part.nullable or not least)
    whole = _Part()
    for number in range(min(most, COPIES)):
        part = _sequence(automaton, body)
        whole = automaton.joined(whole, _Part(part.first, part.last, nullable=part.nullable or number >= least))
    return whole


def _members(operation: Any, argument: Any) -> Members:
    """The code points; none for a position such as `^`."""
    if operation is constants.LITERAL:
        return ((argument, argument),)
    if operation is constants.NOT_LITERAL:
        return _others(((argument, argument),))
    if operation is constants.ANY:
        return _others(((10, 10),))
    if operation is not constants.IN:
        return ()
    is_negated = argument[0][0] is constants.NEGATE
    ranges = tuple(value if kind is constants.RANGE else (value, value) for kind, value in argument[is_negated:])
    return _others(ranges) if is_negated else ranges


def _others(ranges: Members) -> Members:
    found, at = [], 0
    for start, end in sorted(ranges):
        if at < start:
            found.append((at, start - 1))
        at = max(at, end + 1)
    return (*found, (at, 0x10FFFF))


def _is_ambiguous(members: Sequence[Members], follow: Sequence[Sequence[int]]) -> bool:
    """Whether one text leads from a character back to it along two ways."""
    pairs: dict[Node, list[Node]] = {}
    pending = [(at, at) for at in range(len(members))]
    ways = 0
    while pending and ways < MAX_WAYS:
        if (pair := pending.pop()) not in pairs:
            nexts = [(a, b) for a in follow[pair[0]] for b in follow[pair[1]] if _overlap(members[a], members[b])]
            pairs[pair] = nexts
            pending += nexts
            ways += len(follow[pair[0]]) * len(follow[pair[1]])
    component = _components(pairs, lambda pair: [each for each in pairs[pair] if each in pairs])
    alike = {component[pair] for pair in pairs if pair[0] == pair[1]}
    return any(component[pair] in alike for pair in pairs if pair[0] != pair[1])


def _overlap(one: Members, other: Members) -> bool:
    return any(start <= other_end and other_start <= end for start, end in one for other_start, other_end in other)


def _components(nodes: Iterable[T], follow: Callable[[T], Iterable[T]]) -> dict[T, int]:
    """The number of each node's strongly connected component (Tarjan 1972, without recursion)."""
    found: dict[T, int] = {}
    order: dict[T, int] = {}
    low: dict[T, int] = {}
    path: list[T] = []
    for root in nodes:
        calls = [] if root in order else [(root, iter(follow(root)))]
        while calls:
            node, rest = calls[-1]
            if node not in order:
                order[node] = low[node] = len(order)
                path.append(node)
            for target in rest:
                if target not in order:
                    calls.append((target, iter(follow(target))))
                    break
                if target not in found:
                    low[node] = min(low[node], order[target])
            else:
                calls.pop()
                if calls:
                    low[calls[-1][0]] = min(low[calls[-1][0]], low[node])
                if low[node] == order[node]:
                    at = path.index(node)
                    found |= dict.fromkeys(path[at:], order[node])
                    del path[at:]
    return found
