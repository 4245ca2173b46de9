"""Explain to an operator why something is a dead letter and what to do. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from contracts.messages.operate import DeadItem, DeadItemWhole
from contracts.rules.errors import RequestRefused
from contracts.rules.ids import format_utc
from contracts.state.failed import FailedCapture
from contracts.state.letters import DeadLetter, LetterNote

__all__ = ["CAPTURE", "Explanation", "capture_summary", "explain", "summary", "unknown", "whole", "whole_capture"]

CAPTURE = "capture:"
"""How the id of a failed capture begins; a capture_id follows. No id of a letter has a colon."""

SHOWN = 256
"""Ids and sentences of a letter are cut to so many characters: a broken entry may have anything in them."""


class Explanation(NamedTuple):
    """What happened, and what the operator can do: sentences."""

    happened: str
    advice: str


_EXPLANATIONS: Mapping[str, Explanation] = {
    "invalid_event": Explanation(
        "The entry is not an event that can be put into a log: it is no JSON object, has an invalid id, or names "
        "another user or session than its entry.",
        "It cannot be repaired here. Find the program that wrote it, let that program append a correct event, then "
        "drop this one.",
    ),
    "event_too_large": Explanation(
        "The line would be longer than the recorder allows.",
        "Raise MAX_EVENT_BYTES for the gateway and the recorder, start both again, then try again.",
    ),
    "missing_session_path": Explanation(
        "The directory of the session's log did not exist. The recorder never creates one.",
        "Restore the directory below LOG_ROOT, from a backup if it had a log, then try again.",
    ),
    "extraction_failed": Explanation(
        "The extraction of the capture failed: it killed or hung its extractor three times, or its file of landmarks "
        "could not be written. Its frames are kept in the memory of the frames broker for a short time.",
        "Read the extractors' log, fix the reason (memory, the disk, the session's folder), then try again in time.",
    ),
    "torn_line": Explanation(
        "A crash in the middle of a write left these bytes at the end of a log. They were cut off, so that the log is "
        "whole. The event itself was written again, unless the broker lost it too.",
        "Nothing has to be done. Drop it when you have seen it.",
    ),
}  # fmt: skip
_UNKNOWN = Explanation(
    "A recorder of another version gave this reason.",
    "Read the recorder's log of that time, then try again or drop it.",
)


def explain(reason: str) -> Explanation:
    """What a reason means, and what to do."""
    return _EXPLANATIONS.get(reason, _UNKNOWN)


def _loss(letter: DeadLetter) -> str:
    if letter.log:
        return "These bytes are in no log and in no other place."
    if letter.text("capture_id"):
        return "The capture is then never in its session's log. Its file of landmarks, if there is one, stays."
    return "The event is then never in its session's log."


def summary(letter: DeadLetter) -> DeadItem:
    """A letter as the list shows it."""
    return DeadItem(
        id=letter.letter_id,
        kind="event",
        dead_at=letter.dead_at,
        reason=letter.reason[:SHOWN],
        detail=letter.detail[:SHOWN],
        user_id=letter.text("user_id")[:SHOWN],
        session_id=letter.text("session_id")[:SHOWN],
        record_id=letter.text("record_id")[:SHOWN],
        capture_id=letter.text("capture_id")[:SHOWN],
        event=(letter.event_name or letter.log)[:SHOWN],
        byte_length=letter.byte_length,
    )


def whole(letter: DeadLetter, refusal: str) -> DeadItemWhole:
    """A letter with its event. ``refusal`` is why another try would fail; empty if it would not."""
    happened, advice = explain(letter.reason)
    return DeadItemWhole(
        **summary(letter).model_dump(),
        explanation=happened,
        advice=advice,
        loss=_loss(letter),
        refusal=refusal,
        content=letter.event.decode(errors="backslashreplace"),
    )


def capture_summary(capture: FailedCapture) -> DeadItem:
    """A failed capture as the list shows it."""
    window = capture.window
    return DeadItem(
        id=CAPTURE + window.capture_id,
        kind="capture",
        dead_at=capture.failed_at,
        reason="extraction_failed",
        detail=f"{capture.accepted} frames, {capture.extracted} of them extracted; kept until "
        f"{format_utc(capture.expires_at)}",
        user_id=window.user_id,
        session_id=window.session_id,
        record_id=window.record_id,
        capture_id=window.capture_id,
        event="",
        byte_length=capture.slot.byte_length,
    )


def whole_capture(capture: FailedCapture, refusal: str) -> DeadItemWhole:
    """A failed capture with its parameters; its pictures are not shown. ``refusal`` as in `whole`."""
    happened, advice = explain("extraction_failed")
    return DeadItemWhole(
        **capture_summary(capture).model_dump(),
        explanation=happened,
        advice=advice,
        loss="Its frames are in no other place: it would have to be recorded again.",
        refusal=refusal,
        content=capture.window.model_dump_json(exclude_none=True),
    )


def unknown(note: LetterNote | None) -> RequestRefused:
    """The refusal of an id that is not in the list, or no longer."""
    words = {"retried": "It was put back into the stream", "dropped": "It was dropped"}
    done = f" {words[note.done]} at {format_utc(note.at)}." if note else ""
    return RequestRefused(404, "unknown_dead_letter", f"There is no dead letter with this id.{done}")
