"""The fields of PLAYLIST posts."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from app.fields import BigInt


class PlaylistPayload(BaseModel):
    """What the payload of a PLAYLIST post must hold."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)

    title: str = Field(max_length=120)
    mood: Literal["calm", "happy", "wild"] | None = None
    tracks: list[UUID] = Field(min_length=1, max_length=100)
    date_: date | None = Field(default=None, alias="date")
    tempo: FiniteFloat | None = Field(default=None, ge=20.0, le=400.0)
    shared_with: list[BigInt] = Field(default_factory=list)
    listed: bool = True


class PlaylistValidation(BaseModel):
    """What a PLAYLIST post must hold."""

    model_config = ConfigDict(extra="forbid")

    payload: PlaylistPayload
