"""Exports that nobody lived: liked-songs files of the web API's real shape and size, for demos, tests and benchmarks.

Listeners belong to groups of taste. A group has its own artists, and words that their songs and albums are called by;
each listener has favourites among the artists, and some of everybody's music among their songs. Equal arguments write
equal files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

GROUP_WORDS = {
    "ambient drone": "drift vapour stillness tape horizon slow glacier hum static dawn",
    "black metal": "frost grave raven winter abyss ash throne wolf torch cathedral",
    "bossa nova": "saudade praia ipanema violao lua samba mar verao tarde brisa",
    "drum and bass": "roller jungle amen reese liquid breakbeat pressure sub tempo rinse",
    "folk": "river barley orchard lantern meadow harbour sparrow hollow plough kettle",
    "hip hop": "block cipher hustle crown concrete corner sampler verse ledger borough",
    "synth pop": "neon mirror chrome arcade midnight signal plastic satellite velour laser",
    "trad jazz": "stomp parlour cornet rag basin bourbon strut levee clarinet second",
}
_COMMON = ("the", "of", "love", "night", "my", "you", "home", "again", "time", "light", "heart", "blue", "one", "never")
_MARKETS = tuple(
    """
    AR AU AT BE BO BR BG CA CL CO CR CY CZ DK DO DE EC EE SV FI FR GR GT HN HK HU IS IE IT LV LT LU MY MT MX NL NZ
    NI NO PA PY PE PH PL PT SG SK ES SE CH TW TR UY US GB AD LI MC ID JP TH VN RO IL ZA SA AE BH QA OM KW EG MA DZ
    TN LB JO PS IN BY KZ MD UA AL BA HR ME MK RS SI KR BD PK LK GH KE NG TZ UG AG AM BS BB BZ BT BW BF CV CW DM FJ
    GM GE GD GW GY HT JM KI LS LR MW MV ML MH FM NA NR NE PW PG PR WS SM ST SN SC SL SB KN LC VC SR TL TO TT TV VU
    AZ BN BI KH CM TD KM GQ SZ GA GN KG LA MO MR MN NP RW TG UZ ZW BJ MG MU MZ AO CI DJ ZM CD CG IQ LY TJ VE ET XK
    """.split()  # noqa: SIM905  185 codes, readable
)
_BASE62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ARTISTS, _ALBUMS, _SONGS = 60, 9, 11

BIG = 4_203
"""As many liked songs make a file of 15 MB."""


class Track(NamedTuple):
    """One song of a group's catalogue."""

    artist: str
    album: str
    title: str
    number: int


@dataclass(frozen=True)
class TasteGroup:
    """A taste: its name (a genre) and its catalogue, which follows from the seed."""

    name: str
    seed: int

    @cached_property
    def tracks(self) -> tuple[Track, ...]:
        """Every song, artist by artist."""
        random = Random(f"{self.seed}/{self.name}")  # noqa: S311  reproducible, no secret
        words = GROUP_WORDS[self.name].split()
        return tuple(track for number in range(_ARTISTS) for track in _artist(random, words, number))


@dataclass(frozen=True)
class Listener:
    """A user with a taste.

    Attributes:
        user_id: their id.
        group: whose music they like most.
        others: the groups that the rest of their songs come from.
        own_part: which part of their songs is of their own group.
    """

    user_id: int
    group: TasteGroup
    others: tuple[TasteGroup, ...]
    own_part: float = 0.8

    def songs(self, count: int) -> list[Track]:
        """`count` songs that they like; different listeners of a group have different favourites among its artists."""
        random = Random(f"{self.group.seed}/{self.user_id}")  # noqa: S311  reproducible, no secret
        own = min(round(count * self.own_part) if self.others else count, len(self.group.tracks))
        each = max(200, -(-(count - own) // max(len(self.others), 1)))
        rest = [track for group in self.others for track in random.sample(group.tracks, min(each, len(group.tracks)))]
        chosen = _favourites(random, self.group.tracks, own) + random.sample(rest, min(count - own, len(rest)))
        random.shuffle(chosen)
        return chosen


def taste_groups(users: int = 200, groups: int = 8, *, seed: int = 1, first_id: int = 1) -> tuple[Listener, ...]:
    """Listeners in groups of equal size, with ids from `first_id` on; at most eight groups."""
    every = tuple(TasteGroup(name, seed) for name in list(GROUP_WORDS)[:groups])
    return tuple(
        Listener(
            first_id + index, every[index % groups], tuple(each for each in every if each != every[index % groups])
        )
        for index in range(users)
    )


def write_liked_songs(path: Path, listener: Listener, tracks: int | None = None) -> int:
    """Write a listener's liked songs as one object with all items, about 3.6 kB each; returns how many there are.

    Args:
        path: the file, overwritten.
        listener: whose songs.
        tracks: how many; default 60 to 120, by listener. `BIG` makes a file of 15 MB.
    """
    songs = listener.songs(tracks or 60 + listener.user_id * 37 % 61)
    href = "https://api.spotify.com/v1/me/tracks?offset=0&limit=50"
    tail = {"limit": len(songs), "next": None, "offset": 0, "previous": None, "total": len(songs)}
    with path.open("w", encoding="utf-8") as file:
        file.write('{"href":' + json.dumps(href) + ',"items":[')
        for number, track in enumerate(songs):
            file.write("," if number else "")
            file.write(json.dumps(liked_song(track, number), separators=(",", ":")))
        file.write("]," + json.dumps(tail, separators=(",", ":"))[1:])
    return len(songs)


def liked_song(track: Track, number: int = 0) -> dict[str, Any]:
    """An item as `GET /v1/me/tracks` answers it; `number` moves it back in time."""
    artists = [_named("artist", track.artist, track.artist)]
    album = _named("album", f"{track.artist}/{track.album}", track.album)
    album |= {
        "album_type": "album",
        "artists": artists,
        "available_markets": _MARKETS,
        "images": [
            {"height": size, "width": size, "url": f"https://i.scdn.co/image/ab67616d0000{_id('image', album['id'])}"}
            for size in (640, 300, 64)
        ],
        "release_date": f"{1960 + len(track.album) * 7 % 60}-05-01",
        "release_date_precision": "day",
        "total_tracks": _SONGS,
    }
    key = f"{track.artist}/{track.album}/{track.number}"
    song = _named("track", key, track.title) | {
        "album": album,
        "artists": artists,
        "available_markets": _MARKETS,
        "disc_number": 1,
        "duration_ms": 150_000 + int(blake2b(key.encode(), digest_size=2).hexdigest(), 16) * 2,
        "explicit": False,
        "external_ids": {"isrc": _isrc(key)},
        "is_local": False,
        "popularity": len(key) % 100,
        "preview_url": None,
        "track_number": track.number,
    }
    moment = f"{2024 - number // 500:04}-{12 - number // 42 % 12:02}-{28 - number % 28:02}T{number % 24:02}:15:00Z"
    return {"added_at": moment, "track": song}


def _artist(random: Random, words: Sequence[str], number: int) -> Iterator[Track]:
    name = f"{random.choice(words)} {random.choice(_COMMON)} {random.choice(words)}".title()
    name += f" {number + 1}" if number % 3 == 0 else ""
    for album_number in range(_ALBUMS):
        album = f"{random.choice(_COMMON)} {random.choice(words)} {album_number + 1}".title()
        for song in range(1, _SONGS + 1):
            parts = random.sample(_COMMON, 2) + random.sample(words, 1)
            random.shuffle(parts)
            yield Track(name, album, f"{' '.join(parts)} {song}".capitalize(), song)


def _favourites(random: Random, tracks: Sequence[Track], count: int) -> list[Track]:
    """Songs of a few artists where few are wanted: nobody's sixty songs are of sixty artists evenly."""
    needed = max(12, -(-count // (_ALBUMS * _SONGS)) + 2)
    artists = set(random.sample(sorted({track.artist for track in tracks}), min(needed, _ARTISTS // 2)))
    pool = [track for track in tracks if track.artist in artists]
    return random.sample(pool if len(pool) >= count else list(tracks), count)


def _named(kind: str, key: str, name: str) -> dict[str, Any]:
    own = _id(kind, key)
    return {
        "external_urls": {"spotify": f"https://open.spotify.com/{kind}/{own}"},
        "href": f"https://api.spotify.com/v1/{kind}s/{own}",
        "id": own,
        "name": name,
        "type": kind,
        "uri": f"spotify:{kind}:{own}",
    }


def _id(kind: str, key: str) -> str:
    number = int.from_bytes(blake2b(f"{kind}/{key}".encode(), digest_size=16).digest(), "big")
    digits = ""
    for _ in range(22):
        number, rest = divmod(number, 62)
        digits += _BASE62[rest]
    return digits


def _isrc(key: str) -> str:
    number = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
    return f"QZ{_BASE62[number % 10]}XY{number // 10 % 10_000_000:07}"
