r"""Regular expressions that mean the same in Python, Rust (pydantic), JavaScript and PostgreSQL.

What is left of the four languages: literals, classes in brackets, groups, alternatives, `^`, `$`, `.` and repetition.
`\d`, `\w` and `\s` are read as ASCII and written out as classes, because each language has its own idea of a digit.
"""

from __future__ import annotations

import re

from mesh_scaffold.spec.backtracking import explodes

MAX_LENGTH = 500
MAX_REPETITIONS = 255
"""PostgreSQL's limit for the numbers in `{m,n}`."""

ONE_WAY = "Repeat once, '(a+)+' is 'a+'; or end each repetition with a character that it cannot go on with: '(a+,)+'."

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \\t\\n\\r\\f\\v"}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_CONTROL = frozenset("nrtfv")
_QUANTIFIER = re.compile(r"[*+?]|\{(\d+)(,(\d*))?\}")


class PatternError(ValueError):
    """A pattern uses what the four languages don't share; `remedy` says what to write."""

    def __init__(self, message: str, position: int | None, remedy: str) -> None:
        super().__init__(message if position is None else f"{message} (character {position + 1})")
        self.remedy = remedy


def portable(pattern: str) -> str:
    """The pattern, with shorthand classes written out.

    Raises:
        PatternError: it means something else, or nothing, in one of the languages.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternError(f"the pattern has {len(pattern)} characters", 0, f"At most {MAX_LENGTH} are allowed.")
    written = _Portable(pattern).written()
    for text in (pattern, written):
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            position = getattr(error, "pos", None) or 0
            message = f"the pattern does not compile: {getattr(error, 'msg', error)}"
            raise PatternError(
                message, position, "Correct it, or put '\\' before a character that is meant."
            ) from error
    if explodes(written):
        raise PatternError("the pattern can take forever: it repeats what repeats in more than one way", None, ONE_WAY)
    return written


class _Portable:
    """One pass over a pattern that writes the portable form of it."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = 0
        self._repeatable = False

    def written(self) -> str:
        parts = []
        while self._position < len(self._pattern):
            parts.append(self._part())
        return "".join(parts)

    def _part(self) -> str:
        char = self._pattern[self._position]
        if found := _QUANTIFIER.match(self._pattern, self._position):
            return self._quantifier(found)
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "{}]":
            raise self._error(f"a bare {char!r}", f"Write '\\{char}' for the character.")
        self._repeatable = char not in "^$|"
        return self._taken(1)

    def _quantifier(self, found: re.Match[str]) -> str:
        if not self._repeatable:
            raise self._error(
                f"{found[0]!r} with nothing to repeat before it", f"Write '\\{found[0][0]}' for the character."
            )
        if any(number and int(number) > MAX_REPETITIONS for number in (found[1], found[3])):
            raise self._error(f"a count that is too high, {found[0]!r}", f"PostgreSQL counts to {MAX_REPETITIONS}.")
        self._repeatable = False
        lazy = self._pattern[found.end() : found.end() + 1]
        if lazy == "+":
            raise self._error(f"the possessive {found[0] + '+'!r}, which only Python knows", f"Write {found[0]!r}.")
        return self._taken(len(found[0]) + (lazy == "?"))

    def _group(self) -> str:
        self._repeatable = False
        if not self._pattern.startswith("(?", self._position):
            return self._taken(1)
        if self._pattern.startswith("(?:", self._position):
            return self._taken(3)
        for start, what, remedy in _GROUPS:
            if self._pattern.startswith(start, self._position):
                raise self._error(what, remedy)
        raise self._error("flags in the pattern", "Write both cases out: '[Aa]'.")

    def _escape(self) -> str:
        following = self._pattern[self._position + 1 : self._position + 2]
        self._repeatable = True
        if following in _CLASSES:
            self._position += 2
            return f"[{_CLASSES[following]}]"
        if following and following in "DWS":
            self._position += 2
            return f"[^{_CLASSES[following.lower()]}]"
        self._check_escape(following)
        return self._taken(6 if following == "u" else 2)

    def _check_escape(self, following: str, *, more: str = "") -> None:
        if following and (following in _SYNTAX or following in _CONTROL or following in more):
            return
        if re.match(r"\\u[0-9a-fA-F]{4}", self._pattern[self._position :]):
            return
        raise self._error(f"the escape '\\{following}'", _escape_remedy(following))

    def _class(self) -> str:
        parts = [self._taken(2 if self._pattern.startswith("[^", self._position) else 1)]
        if self._at("]"):
            raise self._error("an empty '[]'", "Write '\\]' for the character.")
        while not self._at("]"):
            parts.append(self._member())
            following = self._pattern[self._position + 1 : self._position + 2]
            if self._at("-") and following not in {"", "]"}:
                parts += [self._taken(1), self._member()]
        self._repeatable = True
        return "".join([*parts, self._taken(1)])

    def _member(self) -> str:
        """One character of `[...]`, escaped as JavaScript's newest mode wants it, or a shorthand class."""
        char, following = self._pattern[self._position : self._position + 1], self._pattern[self._position + 1 :][:1]
        if not char:
            raise self._error("a '[' without its ']'", "Write '\\[' for the character.")
        if char == "[":
            raise self._error("a '[' inside of '[...]'", "Write '\\[' for the character; POSIX classes are not shared.")
        if char == "\\" and following in _CLASSES:
            self._position += 2
            return _CLASSES[following]
        if char == "\\":
            self._check_escape(following, more="-")
            return self._taken(6 if following == "u" else 2)
        if char == following and not char.isalnum():
            raise self._error(f"{char + following!r} inside of '[...]'", "Write the character once.")
        self._position += 1
        return f"\\{char}" if char in "(){}/|-" else char

    def _at(self, char: str) -> bool:
        return self._pattern.startswith(char, self._position)

    def _taken(self, count: int) -> str:
        self._position += count
        return self._pattern[self._position - count : self._position]

    def _error(self, what: str, remedy: str) -> PatternError:
        return PatternError(f"the pattern has {what}", self._position, remedy)


_GROUPS = (
    ("(?P<", "a named group in Python's own spelling", "Write '(...)' without a name."),
    ("(?P", "a named group's reference, which only Python knows", "Write the text out again."),
    ("(?<=", "a lookbehind", "Write the pattern for the whole text instead."),
    ("(?<!", "a lookbehind", "Write the pattern for the whole text instead."),
    ("(?<", "a named group", "Write '(...)' without a name."),
    ("(?=", "a lookahead", "Write the pattern for the whole text instead."),
    ("(?!", "a lookahead", "Write the pattern for the whole text instead."),
    ("(?>", "an atomic group, which only Python knows", "Write '(?:...)'."),
    ("(?#", "a comment", "Put it into the spec, after '#'."),
    ("(?(", "a condition, which only Python knows", "Write alternatives: '(a|b)'."),
)


def _escape_remedy(following: str) -> str:
    known = {"A": "Write '^'.", "Z": "Write '$'.", "z": "Write '$'.", "x": "Write '\\u00..' with four digits."}
    if following in known:
        return known[following]
    if following in {"b", "B"}:
        return "Write out what stands around the word."
    if following.isdigit():
        return "References to groups are not shared: write the text out again."
    if following and not following.isalnum():
        return f"Write {following!r} without '\\'."
    return "It is not shared by Python, JavaScript and PostgreSQL."
