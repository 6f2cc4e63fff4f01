"""What each type asks of its fields."""

from __future__ import annotations

from pydantic import BaseModel

from app.models import PostType
from app.validators.event import EventValidation
from app.validators.image import ImageValidation
from app.validators.product_review import ProductReviewValidation
from app.validators.text import TextValidation

VALIDATORS: dict[PostType, type[BaseModel]] = {
    PostType.TEXT: TextValidation,
    PostType.IMAGE: ImageValidation,
    PostType.PRODUCT_REVIEW: ProductReviewValidation,
    PostType.EVENT: EventValidation,
}
