"""What ``/operate`` answers: dead letters, and what is done with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.messages.base import StrictModel
from contracts.rules.ids import UtcDatetime

__all__ = ["DeadItem", "DeadItemQuery", "DeadItemWhole", "DeadPage", "DroppedItem", "RetriedItem"]

DeadKind = Literal["event", "capture"]

Cursor = Annotated[str, StringConstraints(strict=True, max_length=64)]


class DeadItem(StrictModel):
    """An event that the recorder could not append, or a capture whose extraction failed and whose frames are kept.

    The ids are those that it names itself, and may be anything if it is broken; one that it does not name is empty.
    ``event`` is what the event calls itself. ``byte_length`` is what it takes up in the broker.
    """

    id: str
    kind: DeadKind
    dead_at: UtcDatetime
    reason: str
    detail: str
    user_id: str
    session_id: str
    record_id: str
    capture_id: str
    event: str
    byte_length: int


class DeadItemWhole(DeadItem):
    """One of them, whole.

    ``explanation``, ``advice`` and ``loss``, what a drop loses, are for the operator. ``refusal`` is why another try
    would fail; empty if it would not. ``content`` is the event's own text, in which bytes that are not UTF-8 are
    written as escapes; of a capture, its parameters as JSON.
    """

    explanation: str
    advice: str
    loss: str
    refusal: str
    content: str


class DeadPage(StrictModel):
    """``GET /operate/dead``: one page: on the first the newest failed captures, 100 at most; then events, the newest
    first; ``total`` counts all. ``next`` is the ``cursor`` of the page
    after it; it is absent on the last one."""

    items: list[DeadItem]
    total: int
    next: Cursor | None = None


class DeadItemQuery(StrictModel):
    """The parameters of ``GET /operate/dead``."""

    limit: Annotated[int, Field(ge=1, le=500, strict=False)] = 100
    cursor: Cursor | None = None


class RetriedItem(StrictModel):
    """``POST /operate/dead/{id}/retry``: it is on its way again, once."""

    id: str
    retried_at: UtcDatetime


class DroppedItem(StrictModel):
    """``POST /operate/dead/{id}/drop``: it is gone for good."""

    id: str
    dropped_at: UtcDatetime
