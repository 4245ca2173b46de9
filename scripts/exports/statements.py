"""The statements of a session's log about consent, demonstrations and the session's gesture. No I/O."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["Statements", "accepted", "label_of"]

_HARMLESS = {"consent_given": True, "is_demo": False}
"""The values that let a capture be exported."""


class Statements:
    """The statements of all events of one session. An event with a ``capture_id`` is about that capture, any other
    event about the whole session.

    The cautious statement wins: after an event that denies consent, or marks a demonstration, no other event undoes
    that. So a client withdraws consent by one more event in the session's log.

    Attributes:
        whole: false if one of the ``events`` is None, a line that cannot be read: that line may withdraw consent.
        session_intent: the label of the session's start.
    """

    def __init__(self, events: Iterable[Mapping[str, Any] | None]) -> None:
        self._said: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        self.whole = True
        self.session_intent: str | None = None
        started = False
        for event in events:
            if event is None:
                self.whole = False
                continue
            for field in _HARMLESS:
                if event.get(field) is not None:
                    self._said[field, str(event.get("capture_id") or "")].append(event[field])
            if not started and _is_start(event):
                started = True
                self.session_intent = label_of(event.get("training_intent_label"))

    def consent_given(self, capture_id: str) -> bool | None:
        """Return whether consent was given for a capture; None if no event says so. Any value but ``true`` means no."""
        said = self._of("consent_given", capture_id)
        return all(value is True for value in said) if said else None

    def is_demo(self, capture_id: str) -> bool | None:
        """Return whether a capture is a demonstration; None if no event says so. Any value but ``false`` means yes."""
        said = self._of("is_demo", capture_id)
        return any(value is not False for value in said) if said else None

    def _of(self, field: str, capture_id: str) -> list[Any]:
        return self._said[field, ""] + self._said[field, capture_id]


def accepted(events: Iterable[tuple[Mapping[str, Any], bool] | None]) -> Iterator[Mapping[str, Any] | None]:
    """Yield the accepted statements of each event of a log; None for an event that cannot be read. Each event comes
    with its ``by_client`` (`contracts.storage.session_log.LogLine`): whether a client appended it under one of the
    pipeline's own names.

    Labels and given consent are accepted only from the session's start and from a capture's own event, because a client
    may append any event. The start is the first ``session.start`` in the log: the session manager writes it before any
    client knows the session's id. A refusal of consent is accepted from every event.
    """
    started = False
    for each in events:
        if each is None:
            yield None
            continue
        event, by_client = each
        start = not by_client and not started and _is_start(event)
        started = started or start
        if start or (not by_client and "raw_features_ref" in event):
            yield event
        else:
            cautious = {name: event[name] for name in _HARMLESS if event.get(name) not in (None, _HARMLESS[name])}
            yield {"capture_id": event.get("capture_id"), **cautious}


def _is_start(event: Mapping[str, Any]) -> bool:
    return event.get("event") == "session.start"


def label_of(text: object) -> str | None:
    """Normalise a gesture's name to Unicode's composed form (NFC), so that two ways to type it are one sign. None if it
    is no text, or only spaces."""
    if not isinstance(text, str) or not text.strip():
        return None
    # JSON may have half a surrogate pair, which UTF-8, and so a table, cannot have
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
