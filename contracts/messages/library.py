"""The library: what can be said about a recorded capture, the events that say it, and the answers of ``/library``.

An event of the library is one more line in a session's log. Readers heed it only if the gateway's own routes appended
it (`contracts.state.events.is_by_client`); the last one of a kind counts.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from contracts.messages.base import StrictModel
from contracts.messages.capture import Found
from contracts.messages.event import A3CPMessage
from contracts.rules.ids import SCHEMA_VERSION, Identifier, RecordId, SchemaVersion, SessionId, UtcDatetime
from contracts.rules.quality_reasons import QualityVerdict

__all__ = [
    "CaptureReassigned",
    "CaptureRelabelled",
    "CaptureReviewed",
    "CaptureState",
    "Consent",
    "ConsentWithdrawn",
    "HistoryEntry",
    "Label",
    "LibraryCapture",
    "LibraryCaptureWithHistory",
    "LibraryPage",
    "LibraryQuery",
    "LibrarySummary",
    "ReassignRequest",
    "RelabelRequest",
    "ReviewRequest",
    "ReviewVerdict",
    "WithdrawRequest",
    "Withdrawn",
]

ReviewVerdict = Literal["keep", "redo", "reject"]
Consent = Literal["given", "refused", "withdrawn", "unknown"]
CaptureState = Literal["kept", "withdrawn", "erased"]

Label = Annotated[str, StringConstraints(strict=True, max_length=256, pattern=r"\S")]
"""A gesture's name: at most 256 characters, not only spaces."""

Reason = Annotated[str, StringConstraints(strict=True, max_length=1000)]


class _LibraryEvent(A3CPMessage):
    source: Literal["library"] = "library"
    recorded_by: Identifier | None = None
    """The entry of the access file whose token the client had; absent without such a file."""


class CaptureReviewed(_LibraryEvent):
    """A person's verdict on a capture. Without a ``verdict`` the one before is taken back."""

    event: Literal["capture.reviewed"] = "capture.reviewed"
    capture_id: Identifier
    verdict: ReviewVerdict | None = None
    reason: Reason | None = None


class CaptureRelabelled(_LibraryEvent):
    """The capture's label is ``intent``, whatever its annotation and its session say. Without an ``intent`` it is again
    what those say."""

    event: Literal["capture.relabelled"] = "capture.relabelled"
    capture_id: Identifier
    intent: Label | None = None


class CaptureReassigned(_LibraryEvent):
    """The capture shows ``participant``, not the user under whose id it was recorded. Its files are not moved."""

    event: Literal["capture.reassigned"] = "capture.reassigned"
    capture_id: Identifier
    participant: Identifier


class ConsentWithdrawn(_LibraryEvent):
    """Consent to a capture is withdrawn; without a ``capture_id``, to every capture of the session, also to later ones.
    With ``erase`` the artifacts are to be removed.

    ``reason`` is ``retention`` if the gateway says so itself, because the time is over for which the capture was to be
    kept; ``timestamp`` is then that moment."""

    event: Literal["consent.withdrawn"] = "consent.withdrawn"
    capture_id: Identifier | None = None
    erase: bool = False
    reason: Reason | None = None


class _Request(StrictModel):
    """``record_id`` becomes the event's own, so a repeat of the request is recognised by it. Without a ``timestamp``
    the event has the time at which the gateway received the request."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    record_id: RecordId
    user_id: Identifier
    timestamp: UtcDatetime | None = None
    performer_id: Identifier


class _LibraryRequest(_Request):
    session_id: SessionId
    capture_id: Identifier


class ReviewRequest(_LibraryRequest):
    """``POST /library/review``. A ``verdict`` of null takes the one before back."""

    verdict: ReviewVerdict | None
    reason: Reason | None = None


class RelabelRequest(_LibraryRequest):
    """``POST /library/relabel``. An ``intent`` of null takes the relabelling before back."""

    intent: Label | None


class ReassignRequest(_LibraryRequest):
    """``POST /library/reassign``."""

    participant: Identifier


class WithdrawRequest(_Request):
    """``POST /library/withdraw``: consent to one capture, to a session, or to all that shows a person is withdrawn.

    Without a ``capture_id`` it is the whole session; without a ``session_id`` too, every session of the user, and every
    capture that was reassigned to them.
    """

    session_id: SessionId | None = None
    capture_id: Identifier | None = None
    erase: bool = False


class Withdrawn(StrictModel):
    """The answer of ``POST /library/withdraw``: how many captures it covers, and how many of them wait to be erased."""

    withdrawn: Annotated[int, Field(ge=0)]
    erasing: Annotated[int, Field(ge=0)]


class LibraryCapture(StrictModel):
    """One recorded capture, as its session's log describes it up to its last line.

    ``participant`` is the user, unless the capture was reassigned. ``label`` is the last relabelling's, else the
    capture's own, else its session's. ``fps`` is the rate that the client asked for. ``found`` counts the frames in
    which each part was found. ``study``, ``prompt`` and ``resend_of`` are those of the capture's own annotation,
    whatever was said since. ``kept_until`` is when the capture will be erased because its time is over; null if it is
    kept for ever, or is to be erased anyway. ``label``, ``fps``, ``found``, ``quality``, ``review``, ``study``,
    ``prompt`` and ``resend_of`` are null if no event has them.
    """

    capture_id: Identifier
    record_id: RecordId
    session_id: SessionId
    user_id: Identifier
    participant: Identifier
    label: str | None
    recorded_at: UtcDatetime
    timestamp_start: UtcDatetime
    frames: int
    duration_ms: int
    fps: int | None
    found: Found | None
    quality: dict[str, Any] | None
    review: ReviewVerdict | None
    consent: Consent
    state: CaptureState
    study: Identifier | None = None
    prompt: Identifier | None = None
    resend_of: Identifier | None = None
    kept_until: UtcDatetime | None = None


class LibraryQuery(StrictModel):
    """The parameters of ``GET /library/captures``; each narrows the list.

    ``since`` and ``until`` are about the time of recording; ``until`` itself is not included. An empty ``label`` finds
    the captures without one; ``none`` finds those without a quality, or without a review. ``participant`` is the person
    whom a capture shows. Each word of ``search`` must occur in the label or in one of the ids; case does not matter.
    ``cursor`` is the ``next`` of the page before; the other parameters must be those of that page, but for ``limit``.
    """

    user_id: Identifier | None = None
    participant: Identifier | None = None
    session_id: SessionId | None = None
    label: Annotated[str, StringConstraints(strict=True, max_length=256)] | None = None
    since: UtcDatetime | None = None
    until: UtcDatetime | None = None
    quality: Literal[QualityVerdict, "none"] | None = None
    review: Literal[ReviewVerdict, "none"] | None = None
    consent: Consent | None = None
    state: CaptureState | None = None
    study: Identifier | None = None
    prompt: Identifier | None = None
    search: Annotated[str, StringConstraints(strict=True, max_length=256)] | None = None
    limit: Annotated[int, Field(strict=False, ge=1, le=500)] = 50
    cursor: Annotated[str, StringConstraints(strict=True, max_length=4096)] | None = None


class HistoryEntry(StrictModel):
    """One event of a capture's history. ``event`` is its name: those of the library's events, ``capture.recorded`` for
    the capture's own event, ``consent.refused`` for any other event with ``consent_given: false``.

    ``details`` has the fields that only this kind of event has, such as ``verdict`` and ``reason``. An event about the
    whole session has ``whole_session``.
    """

    event: str
    recorded_at: UtcDatetime
    record_id: str | None
    performer_id: str | None
    whole_session: bool
    details: dict[str, Any]


class LibraryCaptureWithHistory(LibraryCapture):
    """``GET /library/captures/{capture_id}``. ``history`` has the newest events, at most 1,000, the oldest first."""

    history: list[HistoryEntry]


class LibraryPage(StrictModel):
    """``GET /library/captures``: one page, the newest first. ``next`` is the cursor of the next page, null on the last
    one; ``total`` counts the captures of all pages."""

    captures: list[LibraryCapture]
    next: str | None
    total: Annotated[int, Field(ge=0)]


class LibrarySummary(StrictModel):
    """``GET /library/summary``: how many captures there are, in all and by value.

    ``user``, ``participant`` and ``label`` have the 1,000 most frequent values, the most frequent first; the label of a
    capture without one is ``""``. In ``quality`` and ``review``, ``none`` counts the captures without a verdict.
    """

    total: int
    sessions: int
    user: dict[str, int]
    participant: dict[str, int]
    label: dict[str, int]
    quality: dict[Literal[QualityVerdict, "none"], int]
    review: dict[Literal[ReviewVerdict, "none"], int]
    consent: dict[Consent, int]
    state: dict[CaptureState, int]
