"""What a post is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel


class PostType(StrEnum):
    """The types of posts; the same values as the enum `realtime_post_type` in the database."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    PRODUCT_REVIEW = "PRODUCT_REVIEW"
    PLAYLIST = "PLAYLIST"


class Post(BaseModel):
    """A post as it is stored: one row of `realtime_posts`. The columns of other types than its own are None."""

    id: UUID
    type: PostType
    author_id: int
    likes: int
    created_at: datetime
    updated_at: datetime
    payload: dict[str, Any] | None = None

    text: str | None = None

    image_url: str | None = None
    image_caption: str | None = None

    product_review_product: str | None = None
    product_review_rating: int | None = None
    product_review_text: str | None = None
    product_review_price: Decimal | None = None
    product_review_recommended: bool | None = None
