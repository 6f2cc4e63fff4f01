"""Creating and changing posts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from mesh_runtime.queue import enqueue
from pydantic import JsonValue

from app.database import Connection, count_ratings, find_post, insert_post, jsonb, save_post, toggle_rating
from app.fields import Params
from app.models import Post, PostType
from app.validators import VALIDATORS

if TYPE_CHECKING:
    from collections.abc import Mapping


class PostNotFoundError(LookupError):
    """There is no such post."""


class NotTheAuthorError(PermissionError):
    """Only the author of a post may change it."""


class CreatePostParams(Params):
    """What a client sends to create a post: its type and that type's fields."""

    type: PostType
    payload: dict[str, JsonValue] | None = None
    text: str | None = None
    image_url: str | None = None
    image_caption: str | None = None
    product_review_product: str | None = None
    product_review_rating: int | None = None
    product_review_text: str | None = None
    product_review_price: Decimal | None = None
    product_review_recommended: bool | None = None
    event_title: str | None = None
    event_description: str | None = None
    event_starts_at: datetime | None = None
    event_ends_at: datetime | None = None
    event_location: str | None = None
    event_link: str | None = None
    event_cover: str | None = None
    event_seats: int | None = None
    event_price: Decimal | None = None
    event_host: int | None = None


class UpdatePostParams(Params):
    """What a client sends to change a post: an omitted field stays as it is, null clears it."""

    payload: dict[str, JsonValue] | None = None
    text: str | None = None
    image_url: str | None = None
    image_caption: str | None = None
    product_review_product: str | None = None
    product_review_rating: int | None = None
    product_review_text: str | None = None
    product_review_price: Decimal | None = None
    product_review_recommended: bool | None = None
    event_title: str | None = None
    event_description: str | None = None
    event_starts_at: datetime | None = None
    event_ends_at: datetime | None = None
    event_location: str | None = None
    event_link: str | None = None
    event_cover: str | None = None
    event_seats: int | None = None
    event_price: Decimal | None = None
    event_host: int | None = None


def create_post(connection: Connection, author_id: int, params: CreatePostParams) -> Post:
    """Store a new post.

    Raises:
        pydantic.ValidationError: the fields are not what the type asks for.
    """
    fields = validate_create(params)
    row: dict[str, object] = {
        "type": params.type,
        "author_id": author_id,
        "payload": jsonb(fields.get("payload")),
        "text": fields.get("text"),
        "image_url": fields.get("image_url"),
        "image_caption": fields.get("image_caption"),
        "product_review_product": fields.get("product_review_product"),
        "product_review_rating": fields.get("product_review_rating"),
        "product_review_text": fields.get("product_review_text"),
        "product_review_price": fields.get("product_review_price"),
        "product_review_recommended": fields.get("product_review_recommended"),
        "event_title": fields.get("event_title"),
        "event_description": fields.get("event_description"),
        "event_starts_at": fields.get("event_starts_at"),
        "event_ends_at": fields.get("event_ends_at"),
        "event_location": fields.get("event_location"),
        "event_link": fields.get("event_link"),
        "event_cover": fields.get("event_cover"),
        "event_seats": fields.get("event_seats"),
        "event_price": fields.get("event_price"),
        "event_host": fields.get("event_host"),
    }
    return with_image(connection, insert_post(connection, row))


def update_post(connection: Connection, post_id: UUID, author_id: int, params: UpdatePostParams) -> Post:
    """Change the fields that `params` names.

    Raises:
        PostNotFoundError: there is no such post.
        NotTheAuthorError: it is somebody else's.
        pydantic.ValidationError: the post would not be what its type asks for.
    """
    post = lock_post(connection, post_id, author_id)
    fields = validate_update(post, params)
    update_data: dict[str, object] = {}
    if "payload" in params.model_fields_set:
        update_data["payload"] = jsonb(fields.get("payload"))
    if "text" in params.model_fields_set:
        update_data["text"] = fields.get("text")
    if "image_url" in params.model_fields_set:
        update_data["image_url"] = fields.get("image_url")
    if "image_caption" in params.model_fields_set:
        update_data["image_caption"] = fields.get("image_caption")
    if "product_review_product" in params.model_fields_set:
        update_data["product_review_product"] = fields.get("product_review_product")
    if "product_review_rating" in params.model_fields_set:
        update_data["product_review_rating"] = fields.get("product_review_rating")
    if "product_review_text" in params.model_fields_set:
        update_data["product_review_text"] = fields.get("product_review_text")
    if "product_review_price" in params.model_fields_set:
        update_data["product_review_price"] = fields.get("product_review_price")
    if "product_review_recommended" in params.model_fields_set:
        update_data["product_review_recommended"] = fields.get("product_review_recommended")
    if "event_title" in params.model_fields_set:
        update_data["event_title"] = fields.get("event_title")
    if "event_description" in params.model_fields_set:
        update_data["event_description"] = fields.get("event_description")
    if "event_starts_at" in params.model_fields_set:
        update_data["event_starts_at"] = fields.get("event_starts_at")
    if "event_ends_at" in params.model_fields_set:
        update_data["event_ends_at"] = fields.get("event_ends_at")
    if "event_location" in params.model_fields_set:
        update_data["event_location"] = fields.get("event_location")
    if "event_link" in params.model_fields_set:
        update_data["event_link"] = fields.get("event_link")
    if "event_cover" in params.model_fields_set:
        update_data["event_cover"] = fields.get("event_cover")
    if "event_seats" in params.model_fields_set:
        update_data["event_seats"] = fields.get("event_seats")
    if "event_price" in params.model_fields_set:
        update_data["event_price"] = fields.get("event_price")
    if "event_host" in params.model_fields_set:
        update_data["event_host"] = fields.get("event_host")
    changed = save_post(connection, post_id, update_data)
    return changed if changed.image_url == post.image_url else with_image(connection, changed)


def toggle_like(connection: Connection, post_id: UUID, session_id: str) -> tuple[bool, int]:
    """Like a post, or take the like back; whether it is liked now, and by how many.

    Raises:
        PostNotFoundError: there is no such post.
    """
    # Locked first: two clicks at once then follow each other, and neither can deadlock with the post's deletion.
    if find_post(connection, post_id, lock=True) is None:
        raise PostNotFoundError(f"there is no post {post_id}")
    liked = toggle_rating(connection, post_id, session_id)
    return liked, count_ratings(connection, post_id)


def with_image(connection: Connection, post: Post) -> Post:
    """The post; a worker makes copies of the image that it links to, once the caller's transaction has committed."""
    if post.image_url is not None and post.image_url.startswith(("http://", "https://")):
        payload = {"post_id": str(post.id), "image_url": post.image_url}
        enqueue(connection, "process_image", payload, priority=3, user_id=str(post.author_id))
    return post


def validate_create(params: CreatePostParams) -> dict[str, object]:
    """The type's fields, checked and with defaults filled in; a field of another type is refused."""
    given = params.model_dump(exclude={"type"}, exclude_unset=True)
    return VALIDATORS[params.type].model_validate(given).model_dump()


def validate_update(post: Post, params: UpdatePostParams) -> dict[str, object]:
    """The post's fields as they will be, checked as a whole: bounds may span several fields."""
    validator = VALIDATORS[post.type]
    current = post.model_dump(include=set(validator.model_fields), exclude_none=True)
    return validator.model_validate(merge(current, params.model_dump(exclude_unset=True))).model_dump()


def merge(current: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """`current` with `changes` laid over it, inside the payload too: a key that it omits stays."""
    merged = {**current, **changes}
    match current.get("payload"), changes.get("payload"):
        case dict() as old, dict() as new:
            merged["payload"] = {**old, **new}
    return merged


def lock_post(connection: Connection, post_id: UUID, author_id: int) -> Post:
    """The author's post, locked until the transaction ends, so that two edits don't check against the same past."""
    post = find_post(connection, post_id, lock=True)
    if post is None:
        raise PostNotFoundError(f"there is no post {post_id}")
    if post.author_id != author_id:
        raise NotTheAuthorError("only the author of a post may change it")
    return post
