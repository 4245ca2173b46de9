"""What ``/operate`` answers: dead letters, and what is done with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.messages.base import StrictModel
from contracts.rules.ids import Identifier, SessionId, UtcDatetime

__all__ = [
    "DeadItem",
    "DeadItemQuery",
    "DeadItemWhole",
    "DeadPage",
    "DroppedItem",
    "RetentionDone",
    "RetentionDue",
    "RetentionReport",
    "RetentionRequest",
    "RetentionStudy",
    "RetriedItem",
]

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


class RetentionStudy(StrictModel):
    """The captures of one study, or without a ``study`` those that have none: how many are kept, and how many of these
    are ``due``, so that retention erases them.

    ``days`` is null if they are kept for ever. It is so, too, for a study that the gateway does not know (``known`` is
    false): its file is missing or has a mistake. ``oldest`` is from when the days of the oldest one count.
    """

    study: Identifier | None
    known: bool
    days: int | None
    kept: int
    due: int
    oldest: UtcDatetime


class RetentionDue(StrictModel):
    """One capture whose time was over at ``due_at``."""

    capture_id: Identifier
    session_id: SessionId
    user_id: Identifier
    study: Identifier | None
    due_at: UtcDatetime


class RetentionReport(StrictModel):
    """``GET /operate/retention``: what is due ``now``, by the clock of the events broker. ``captures`` has those whose
    time was over first, at most 1,000."""

    now: UtcDatetime
    studies: list[RetentionStudy]
    captures: list[RetentionDue]


class RetentionRequest(StrictModel):
    """``POST /operate/retention``: erase what was due at ``until``, which is the ``now`` of the report that the
    operator has read."""

    until: UtcDatetime


class RetentionDone(StrictModel):
    """How many captures this request withdrew, at most 100, and how many are ``left``."""

    withdrawn: int
    left: int
