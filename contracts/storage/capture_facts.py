"""What the lines of a session's log say about the session and about each of its captures, and what follows. No I/O.

Facts are plain values, so that the catalog can keep them between two lines (`contracts.storage.session_fold` adds
the lines). `describe` decides: it is the only place that knows which of several statements counts.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any, get_args

from contracts.messages.event import FeatureRefEvent
from contracts.messages.library import CaptureState, Consent, ReviewVerdict
from contracts.rules.ids import format_utc
from contracts.rules.landmarks import PART_NAMES
from contracts.rules.quality_reasons import QualityVerdict

__all__ = [
    "CaptureDescription",
    "CaptureFacts",
    "RecordedCapture",
    "SessionFacts",
    "cautious",
    "describe",
    "label_of",
    "plain_text",
    "statement_key",
]

_FPS = re.compile(r"(?:^|;)fps=([1-9]\d{0,8})(?:;|$)", re.ASCII)


@dataclass(slots=True)
class SessionFacts:
    """What a log says about its whole session.

    Attributes:
        lines: how many lines were added.
        unreadable: how many of them cannot be read. Such a line may withdraw consent.
        started: whether the session's start was among them.
        label: the label of the session's start.
        consent_given, is_demo: None if no event says so.
        withdrawn: whether consent to the whole session was withdrawn.
        erase: whether its captures are to be erased.
    """

    lines: int = 0
    unreadable: int = 0
    started: bool = False
    label: str | None = None
    consent_given: bool | None = None
    is_demo: bool | None = None
    withdrawn: bool = False
    erase: bool = False


@dataclass(slots=True)
class RecordedCapture:
    """What a capture's own event says. Times are UTC with milliseconds and ``Z``, so that their texts are ordered.
    ``reference`` is its ``raw_features_ref``."""

    record_id: str
    recorded_at: str
    timestamp_start: str
    frames: int
    duration_ms: int
    fps: int | None
    label: str | None
    uri: str
    hash: str
    quality: dict[str, Any] | None
    reference: dict[str, Any]
    study: str | None
    prompt: str | None
    resend_of: str | None

    @classmethod
    def of(cls, event: FeatureRefEvent, recorded_at: str, quality: object) -> RecordedCapture:
        """Take the facts from a feature-ref event. ``quality`` is its field of that name, whatever that is."""
        rate = _FPS.search(event.raw_features_ref.encoding)
        return cls(
            record_id=event.record_id,
            recorded_at=recorded_at,
            timestamp_start=format_utc(event.timestamp_start),
            frames=event.raw_features_ref.shape[0],
            duration_ms=round((event.timestamp_end - event.timestamp_start).total_seconds() * 1000),
            fps=int(rate[1]) if rate else None,
            label=label_of(event.annotation.intent if event.annotation else None),
            uri=event.raw_features_ref.uri,
            hash=event.raw_features_ref.hash,
            quality=quality if isinstance(quality, dict) and quality.get("verdict") in _VERDICTS else None,
            reference=event.raw_features_ref.model_dump(),
            study=event.annotation.study if event.annotation else None,
            prompt=event.annotation.prompt if event.annotation else None,
            resend_of=event.annotation.resend_of if event.annotation else None,
        )


_VERDICTS = get_args(QualityVerdict)


@dataclass(slots=True)
class CaptureFacts:
    """What a log says about one capture. ``recorded`` is None until its own event is among the lines, and stays so if
    an event is about a capture that does not exist.

    Attributes:
        references: how many feature-ref events the capture has. The first one counts.
        erase: whether it is to be erased.
        erased_hash: the hash of the artifact that a worker removed.
        erased_at: when that was.
        heard: the `statement_key` of each event of the library that was heeded, so that a repeat is not. They are the
            keys of a dict, because a client decides how many there are.
    """

    capture_id: str
    recorded: RecordedCapture | None = None
    references: int = 0
    consent_given: bool | None = None
    is_demo: bool | None = None
    label: str | None = None
    participant: str | None = None
    review: ReviewVerdict | None = None
    withdrawn: bool = False
    erase: bool = False
    erased_hash: str | None = None
    erased_at: str | None = None
    heard: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaptureDescription:
    """What follows for one capture from all lines of its log.

    Attributes:
        label: the last relabelling's, else the capture's own, else its session's; None if there is none.
        consent_given, is_demo: None if no event says so.
        certain: false if a line of the log cannot be read: that line may withdraw consent.
        participant: who the capture shows; the user, unless it was reassigned.
        study: the study in which it was recorded; None if it was in none.
        erasing: whether its artifact is still to be removed.
    """

    capture_id: str
    label: str | None
    participant: str
    study: str | None
    review: ReviewVerdict | None
    quality: QualityVerdict | None
    found: dict[str, int] | None
    consent: Consent
    consent_given: bool | None
    is_demo: bool | None
    state: CaptureState
    erasing: bool
    certain: bool


def describe(user_id: str, session: SessionFacts, capture: CaptureFacts) -> CaptureDescription:
    """Decide what counts for one capture.

    A withdrawal counts more than any statement, and a refusal more than any consent, whether it is the capture's or
    its session's: no later event undoes either.
    """
    recorded = capture.recorded
    consent_given = cautious(session.consent_given, capture.consent_given, harmless=True)
    withdrawn = session.withdrawn or capture.withdrawn
    consent: Consent = "unknown" if consent_given is None else "given" if consent_given else "refused"
    return CaptureDescription(
        capture_id=capture.capture_id,
        label=capture.label or (recorded.label if recorded else None) or session.label,
        participant=capture.participant or user_id,
        study=recorded.study if recorded else None,
        review=capture.review,
        quality=recorded.quality["verdict"] if recorded and recorded.quality else None,
        found=_found(recorded),
        consent="withdrawn" if withdrawn else consent,
        consent_given=consent_given,
        is_demo=cautious(session.is_demo, capture.is_demo, harmless=False),
        state="erased" if capture.erased_hash else "withdrawn" if withdrawn else "kept",
        erasing=recorded is not None and not capture.erased_hash and (session.erase or capture.erase),
        certain=not session.unreadable,
    )


def cautious(*statements: bool | None, harmless: bool) -> bool | None:
    """Combine statements about one thing: the value that is not ``harmless`` wins; None if there is no statement."""
    said = [each for each in statements if each is not None]
    if not said:
        return None
    return harmless if all(each is harmless for each in said) else not harmless


def _found(recorded: RecordedCapture | None) -> dict[str, int] | None:
    """In how many frames each part was found: the shares of the quality, as counts. None if it has none."""
    shares = recorded.quality.get("found") if recorded and recorded.quality else None
    if recorded is None or not isinstance(shares, dict):
        return None
    known = {part: shares[part] for part in PART_NAMES if _is_share(shares.get(part))}
    if len(known) < len(PART_NAMES):
        return None
    return {part: round(share * recorded.frames) for part, share in known.items()}


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def statement_key(event: str, record_id: str) -> str:
    """What a repeat of an event has in common with it: its name and its ``record_id``."""
    return f"{event} {record_id.lower()}"


def label_of(text: object) -> str | None:
    """Normalise a gesture's name to Unicode's composed form (NFC), so that two ways to type it are one sign. None if it
    is no text, or only spaces."""
    if not isinstance(text, str) or not text.strip():
        return None
    return unicodedata.normalize("NFC", plain_text(text))


def plain_text(text: str) -> str:
    """The text as UTF-8, and so a table, can have it: JSON may also have half a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
