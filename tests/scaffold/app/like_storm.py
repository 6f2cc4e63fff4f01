"""A thousand clients, each with its own connection, who toggle likes on ten posts at once; run in the app's folder.

    python like_storm.py URL CLIENTS

Prints how many toggles were committed and what went wrong, as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from app.actions import toggle_like
from app.database import toggle_rating

if TYPE_CHECKING:
    from uuid import UUID

TOGGLES = 3
SESSIONS = 400  # fewer than clients: some click twice at once


def as_the_page_does(connection: psycopg.Connection[Any], post: UUID, session: str) -> None:
    toggle_like(connection, post, session)


def by_one_statement(connection: psycopg.Connection[Any], post: UUID, session: str) -> None:
    toggle_rating(connection, post, session)


def by_looking_first(connection: psycopg.Connection[Any], post: UUID, session: str) -> None:
    """Select, then insert or delete: two who do this at once must not count twice."""
    found = connection.execute(
        "SELECT id FROM post_ratings WHERE post_id = %s AND session_id = %s", [post, session]
    ).fetchone()
    if found:
        connection.execute("DELETE FROM post_ratings WHERE id = %s", found)
    else:
        with suppress(psycopg.errors.UniqueViolation), connection.transaction():
            connection.execute("INSERT INTO post_ratings (post_id, session_id) VALUES (%s, %s)", [post, session])


WAYS = (as_the_page_does, by_one_statement, by_looking_first)


class Storm:
    """What the clients share."""

    def __init__(self, url: str, clients: int) -> None:
        self.url, self.clients = url, clients
        self.start = threading.Barrier(clients)
        self.errors: Counter[str] = Counter()
        self.committed: Counter[str] = Counter()
        with psycopg.connect(url) as connection:
            self.posts = [row[0] for row in connection.execute("SELECT id FROM realtime_posts ORDER BY id")]

    def client(self, number: int) -> None:
        chance = random.Random(number)
        try:
            with psycopg.connect(self.url) as connection:
                self.start.wait(timeout=120)
                for _ in range(TOGGLES):
                    self._toggle(connection, number, chance.choice(self.posts))
                if number % 20 == 0:
                    self._toggle_slowly(connection, number, chance)
        except (psycopg.Error, threading.BrokenBarrierError) as error:
            self.errors[f"{type(error).__name__}: {error}"] += 1

    def _toggle(self, connection: psycopg.Connection[Any], number: int, post: UUID, *, open_for: float = 0) -> None:
        way = WAYS[number % len(WAYS)]
        way(connection, post, f"user:{number % SESSIONS}")
        time.sleep(open_for)  # the transaction stays open, with everything that it has locked
        if open_for and number % 100 == 0:
            connection.rollback()
        else:
            connection.commit()
            self.committed[way.__name__] += 1

    def _toggle_slowly(self, connection: psycopg.Connection[Any], number: int, chance: random.Random) -> None:
        """After the crowd: a count of the post falls due while the like that it should see is not committed."""
        post = chance.choice(self.posts)
        time.sleep(chance.uniform(0, 3))
        self._toggle(connection, number, post)
        time.sleep(1)
        self._toggle(connection, number, post, open_for=chance.choice((1, 3.5)))

    def run(self) -> None:
        threading.stack_size(512 * 1024)
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    sys.path.insert(0, ".")
    storm = Storm(sys.argv[1], int(sys.argv[2]))
    storm.run()
    print(json.dumps({"committed": storm.committed, "errors": storm.errors}))
