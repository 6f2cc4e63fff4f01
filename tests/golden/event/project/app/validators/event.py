"""The fields of EVENT posts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.fields import BigInt, MediaUrl, Moment, WebUrl


class EventValidation(BaseModel):
    """What an EVENT post must hold."""

    model_config = ConfigDict(extra="forbid")

    event_title: str = Field(min_length=1, max_length=120)
    event_description: str | None = Field(default=None, max_length=5000)
    event_starts_at: Moment = Field(ge=datetime(2020, 1, 1, 0, 0, tzinfo=UTC))
    event_ends_at: Moment | None = None
    event_location: Literal["online", "in person", 'both "at once"'] = Field(default="in person")
    event_link: WebUrl | None = None
    event_cover: MediaUrl | None = None
    event_seats: BigInt | None = Field(default=None, ge=1, le=100000)
    event_price: Decimal = Field(default=Decimal("0.00"), ge=Decimal("0"), le=Decimal("9999.99"))
    event_host: BigInt | None = None
