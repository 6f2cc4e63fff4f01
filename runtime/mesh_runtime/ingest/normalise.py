"""The keys by which titles and creators are compared; computed here, not in SQL, where they'd hang on the locale."""

from __future__ import annotations

import re
import unicodedata

KEY_LENGTH = 200
"""Longer keys are cut: they are indexed, and titles that differ only after 200 characters are the same in practice."""

_GUESTS = re.compile(
    r"\s[(\[](?:feat\.?|ft\.?|featuring|with)\s[^)\]]*[)\]]|\s(?:feat\.|ft\.|featuring)\s.*$", re.IGNORECASE
)
_EDITION = re.compile(
    r"\s[-\u2013(\[]\s*(?:\d{4}\s)?(?:digital(?:ly)?\s)?remaster(?:ed)?(?:\s(?:version|\d{4}))?\s*[)\]]?$",
    re.IGNORECASE,
)


def folded(text: str) -> str:
    """Lower case, without accents and punctuation: `Beyoncé!` is `beyonce`; text of nothing else stays as it is."""
    if text.isascii():
        decomposed = text.lower()
    else:
        decomposed = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    key = "".join(c for c in decomposed if c.isalnum())
    return (key or decomposed.strip() or text.strip())[:KEY_LENGTH]


def title_key(title: str) -> str:
    """The key of a title, without guests (`feat. X`) and remaster marks."""
    return folded(_EDITION.sub("", _GUESTS.sub("", title)))


def creator_key(creator: str, album: str = "") -> str:
    """The key of a creator; where there is none, the album's with a `~`, so that nameless files don't all match."""
    return folded(creator) if creator else "~" + folded(album)[: KEY_LENGTH - 1]
