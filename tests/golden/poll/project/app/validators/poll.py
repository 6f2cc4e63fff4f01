"""The fields of POLL posts."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.fields import Moment


class PollValidation(BaseModel):
    """What a POLL post must hold."""

    model_config = ConfigDict(extra="forbid")

    poll_question: str = Field(min_length=3, max_length=200)
    poll_options: list[Annotated[str, Field(max_length=80)]] = Field(min_length=2, max_length=10)
    poll_multiple: bool = False
    poll_closes_at: Moment | None = None
