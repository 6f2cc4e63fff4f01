"""What each feed lists, and what the create menu offers."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from app.database import Connection, list_posts
from app.models import Post, PostType

FEEDS: dict[str, list[PostType]] = {
    "global": [
        PostType.TEXT,
        PostType.IMAGE,
        PostType.PRODUCT_REVIEW,
        PostType.POLL,
    ],
    "reviews": [PostType.PRODUCT_REVIEW],
}

CREATE_MENU: list[PostType] = [
    PostType.TEXT,
    PostType.IMAGE,
    PostType.PRODUCT_REVIEW,
    PostType.POLL,
]


class FeedPage(BaseModel):
    """Some posts, newest first; `next` is what to send as `before` to read on, None at the end."""

    posts: list[Post]
    next: UUID | None = None


def read_feed(connection: Connection, feed: str, *, limit: int = 20, before: UUID | None = None) -> FeedPage:
    """One page of a feed.

    Raises:
        KeyError: there is no such feed.
    """
    posts = list_posts(connection, FEEDS[feed], limit=limit + 1, before=before)
    more = len(posts) > limit
    return FeedPage(posts=posts[:limit], next=posts[limit - 1].id if more else None)
