"""Fold the lines of one session's log into the facts about its captures. No I/O: the caller reads the lines.

The exports, ``a3cp verify`` and the gateway's catalog all use this fold, so a label, a verdict or a withdrawal means
the same everywhere. A fold can be continued: give a new one the facts of the lines that an older one has had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from contracts.messages.erasure import CaptureErased
from contracts.messages.event import FeatureRefEvent
from contracts.messages.library import (
    CaptureReassigned,
    CaptureRelabelled,
    CaptureReviewed,
    ConsentWithdrawn,
)
from contracts.rules.ids import format_utc, is_identifier, parse_utc
from contracts.rules.json_text import parse_object
from contracts.storage.capture_facts import (
    CaptureDescription,
    CaptureFacts,
    RecordedCapture,
    SessionFacts,
    cautious,
    describe,
    label_of,
    plain_text,
    statement_key,
)
from contracts.storage.session_log import LogLine

__all__ = ["Heard", "SessionFold"]

_Statement = CaptureReviewed | CaptureRelabelled | CaptureReassigned | ConsentWithdrawn | CaptureErased
_STATEMENTS: dict[str, TypeAdapter[_Statement]] = {
    "capture.reviewed": TypeAdapter(CaptureReviewed),
    "capture.relabelled": TypeAdapter(CaptureRelabelled),
    "capture.reassigned": TypeAdapter(CaptureReassigned),
    "consent.withdrawn": TypeAdapter(ConsentWithdrawn),
    "capture.erased": TypeAdapter(CaptureErased),
}
_DETAILS = ("verdict", "reason", "intent", "participant", "erase", "hash", "erased_at", "recorded_by")
_LONGEST_TEXT = 128


@dataclass(frozen=True, slots=True)
class Heard:
    """One line that was heeded: an entry of a capture's history; of all captures', if ``capture_id`` is empty.

    ``line`` is its number in the log, from 1. ``event`` is its name; ``capture.recorded`` for a capture's own event,
    ``consent.refused`` for any other event with ``consent_given: false``.
    """

    line: int
    capture_id: str
    event: str
    recorded_at: str
    record_id: str | None
    performer_id: str | None
    details: dict[str, Any]


class SessionFold:
    """The facts about one session.

    Which lines are heeded: the session's start and feature-ref events for labels and given consent; events of the
    library and of the workers for what was said since. All of these only if no client appended them and if they name
    this user and this session. ``consent_given: false`` and ``is_demo: true`` are heeded from every event: too much
    caution costs an export a capture, too much trust costs a person their refusal.

    Args:
        session: the facts of the lines that were added before.
        recall: returns the facts of a capture of those lines; None if no line was about it.
    """

    def __init__(
        self,
        user_id: str,
        session_id: str,
        session: SessionFacts | None = None,
        recall: Callable[[str], CaptureFacts | None] = lambda _: None,
    ) -> None:
        self.user_id = user_id
        self.session_id = session_id
        self.session = session or SessionFacts()
        self.captures: dict[str, CaptureFacts] = {}
        """The facts of each capture that a line was about since this fold was made."""
        self.history: list[Heard] = []
        """The entries since this fold was made."""
        self._recall = recall

    @classmethod
    def of(cls, user_id: str, session_id: str, lines: Iterable[LogLine]) -> SessionFold:
        """Fold all lines of a log."""
        fold = cls(user_id, session_id)
        for line in lines:
            fold.add(line)
        return fold

    def describe(self, capture_id: str) -> CaptureDescription:
        """Decide what counts for a capture; for one that no line is about, what counts for its session."""
        return describe(self.user_id, self.session, self._known(capture_id) or CaptureFacts(capture_id))

    def add(self, line: LogLine) -> None:
        """Add the log's next line. It may be anything: a line that cannot be read is counted, and changes nothing."""
        self.session.lines += 1
        try:
            if line.problem:
                raise ValueError(line.problem)
            event, recorded_at = parse_object(line.event), format_utc(parse_utc(line.recorded_at))
        except ValueError:
            self.session.unreadable += 1
            return
        self._heed_refusal(event, recorded_at)
        if not line.by_client and (event.get("user_id"), event.get("session_id")) == (self.user_id, self.session_id):
            self._heed(event, recorded_at)

    def _known(self, capture_id: str) -> CaptureFacts | None:
        return self.captures.get(capture_id) or self._recall(capture_id)

    def _capture(self, capture_id: str) -> CaptureFacts:
        if capture_id not in self.captures:
            self.captures[capture_id] = self._recall(capture_id) or CaptureFacts(capture_id)
        return self.captures[capture_id]

    def _subject(self, event: Mapping[str, Any]) -> SessionFacts | CaptureFacts | None:
        """An event with a ``capture_id`` is about that capture, any other about the whole session."""
        capture_id = str(event.get("capture_id") or "")
        if not capture_id:
            return self.session
        return self._capture(capture_id) if is_identifier(capture_id) else None

    def _heed_refusal(self, event: Mapping[str, Any], recorded_at: str) -> None:
        # `is`, because 1 == True: any value but true refuses, and any value but false marks a demonstration
        refuses = event.get("consent_given") is not None and event["consent_given"] is not True
        shows = event.get("is_demo") is not None and event["is_demo"] is not False
        if not (refuses or shows) or (subject := self._subject(event)) is None:
            return
        if refuses:
            subject.consent_given = False
            if "raw_features_ref" not in event and event.get("event") != "session.start":
                self._note("consent.refused", event, recorded_at, {})
        if shows:
            subject.is_demo = True

    def _heed(self, event: Mapping[str, Any], recorded_at: str) -> None:
        name = event.get("event")
        if name == "session.start":
            if event.get("source") == "session_manager" and not self.session.started:
                self.session.started = True
                self.session.label = label_of(event.get("training_intent_label"))
                _trust(self.session, event)
        elif "raw_features_ref" in event:
            self._heed_recorded(event, recorded_at)
        elif isinstance(name, str) and name in _STATEMENTS:
            self._heed_statement(name, event, recorded_at)

    def _heed_recorded(self, event: Mapping[str, Any], recorded_at: str) -> None:
        try:  # the quality by itself: a later version may say it in another form, and the capture counts all the same
            parsed = FeatureRefEvent.model_validate({**event, "quality": None})
        except ValidationError:  # `a3cp verify` reports it
            return
        capture = self._capture(parsed.capture_id)
        capture.references += 1
        _trust(capture, event)
        if capture.recorded is None:
            capture.recorded = RecordedCapture.of(parsed, recorded_at, _storable(event.get("quality")))
            self._note("capture.recorded", event, recorded_at, _details(event, ("recorded_by",)))

    def _heed_statement(self, name: str, event: Mapping[str, Any], recorded_at: str) -> None:
        try:
            said = _STATEMENTS[name].validate_python(event)
        except ValidationError:
            return
        if isinstance(said, ConsentWithdrawn):
            subject = self._capture(said.capture_id) if said.capture_id else self.session
            subject.withdrawn = True
            subject.erase = subject.erase or said.erase
        elif not self._apply(self._capture(said.capture_id), said):
            return
        self._note(name, event, recorded_at, _details(event, _DETAILS))

    def _apply(self, capture: CaptureFacts, said: _Statement) -> bool:
        """Apply one statement about a capture. Returns false for a repeat: then the first event counts, as for every
        request with the same ``record_id``."""
        if isinstance(said, CaptureErased):
            first = capture.erased_hash is None
            if first:
                capture.erased_hash, capture.erased_at = said.hash, format_utc(said.erased_at)
            return first
        key = statement_key(said.event, said.record_id)
        if key in capture.heard:
            return False
        capture.heard[key] = None
        if isinstance(said, CaptureReviewed):
            capture.review = said.verdict
        elif isinstance(said, CaptureRelabelled):
            capture.label = label_of(said.intent)
        elif isinstance(said, CaptureReassigned):
            capture.participant = said.participant
        return True

    def _note(self, name: str, event: Mapping[str, Any], recorded_at: str, details: dict[str, Any]) -> None:
        self.history.append(
            Heard(
                line=self.session.lines,
                capture_id=str(event.get("capture_id") or ""),
                event=name,
                recorded_at=recorded_at,
                record_id=_text(event.get("record_id")),
                performer_id=_text(event.get("performer_id")),
                details=_storable(details) or {},
            )
        )


def _details(event: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {field: event[field] for field in fields if event.get(field) is not None}


def _trust(facts: SessionFacts | CaptureFacts, event: Mapping[str, Any]) -> None:
    """Take the harmless statements of an event that this system made."""
    if event.get("consent_given") is True:
        facts.consent_given = cautious(facts.consent_given, True, harmless=True)
    if event.get("is_demo") is False:
        facts.is_demo = cautious(facts.is_demo, False, harmless=False)


def _text(value: object) -> str | None:
    return plain_text(value)[:_LONGEST_TEXT] if isinstance(value, str) else None


def _storable(value: object) -> Any:
    """The value as JSON has it, or None if JSON in UTF-8 cannot have it."""
    try:
        return orjson.loads(orjson.dumps(value))
    except (TypeError, ValueError):
        return None
