"""Whether an older export still says what the logs say: ``a3cp export --check``. It writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.rules.errors import ArtifactError, ArtifactStoreError
from contracts.storage.artifacts import ArtifactSource
from recorder.artifact import verify_artifact
from recorder.verify import SessionReading, failure_text, read_session
from scripts.exports.choice import Choice
from scripts.exports.exported import ExportedCapture
from scripts.exports.older import OlderExport

__all__ = ["StaleCapture", "find_stale"]


@dataclass(frozen=True, slots=True)
class StaleCapture:
    """A capture of an export about which the logs or its artifact say something else by now."""

    record_id: str
    capture_id: str
    participant: str
    reasons: tuple[str, ...]


def find_stale(
    export: OlderExport, find_log: Callable[[ExportedCapture], Path | None], artifacts: ArtifactSource
) -> Iterator[StaleCapture]:
    """Yield each stale capture, with every reason. Each log is read once, and the artifact of each capture that is not
    withdrawn or erased.

    Args:
        find_log: returns the log of the capture's session; None if there is none.

    Raises:
        ArtifactStoreError: the object store does not answer, or refuses.
    """
    # the operator may have asked for refused captures, and version 0.2 exported unknown consent unasked
    choice = replace(export.choice, unknown=True)
    by_session: dict[tuple[str, str], list[ExportedCapture]] = {}
    for capture in export.captures.values():
        by_session.setdefault((capture.user_id, capture.session_id), []).append(capture)
    for captures in by_session.values():
        log = find_log(captures[0])
        reading = read_session(log) if log else None
        for capture in captures:
            reasons = (
                tuple(_reasons(capture, choice, reading, artifacts)) if reading else ("its session's log is gone",)
            )
            if reasons:
                yield StaleCapture(capture.record_id, capture.capture_id, capture.participant, reasons)


def _reasons(
    capture: ExportedCapture, choice: Choice, reading: SessionReading, artifacts: ArtifactSource
) -> Iterator[str]:
    if capture.capture_id not in reading.fold.captures:
        unread = reading.findings and not reading.events
        yield reading.findings[0].problem if unread else "its event is gone from the log"
        return
    said = reading.fold.describe(capture.capture_id)
    if (reason := choice.hold_back(said)) is not None:
        yield reason
    if choice.verdicts and (review := said.review or "none") not in choice.verdicts:
        yield f"reviewed: it was {' or '.join(choice.verdicts)} and is now {review}"
    if said.label != capture.label:
        yield f"relabelled: {_quoted(capture.label)} is now {_quoted(said.label)}"
    if said.participant != capture.participant:
        yield f"reassigned: {capture.participant} is now {said.participant}"
    if said.state == "kept":
        yield from _artifact_reasons(capture, reading, artifacts)


def _artifact_reasons(capture: ExportedCapture, reading: SessionReading, artifacts: ArtifactSource) -> Iterator[str]:
    events = [event for _, event in reading.refs if event.record_id == capture.record_id]
    if len(events) != 1:
        yield "its event is gone from the log" if not events else "it is in the log more than once"
        return
    if events[0].raw_features_ref.hash != capture.hash:
        yield "its event names another artifact"
        return
    try:
        verify_artifact(events[0], artifacts)
    except ArtifactStoreError:
        raise
    except ArtifactError as error:
        yield f"its artifact changed: {failure_text(error, events[0], artifacts)}"


def _quoted(label: str | None) -> str:
    return "no label" if label is None else f"'{label}'"
