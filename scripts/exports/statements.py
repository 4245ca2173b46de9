"""What a session's log says of consent, of demonstrations and of the session's gesture. No I/O."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["Statements", "heeded", "label_of"]

_HARMLESS = {"consent_given": True, "is_demo": False}


class Statements:
    """The statements of all events of one session. An event with a ``capture_id`` speaks of that capture, any other of
    the whole session.

    The cautious statement wins: one that consent was not given, or that it was a demonstration, is not undone by
    another. So consent can be withdrawn later, by one more event in the session's log.

    Attributes:
        whole: false if one of the ``events`` is None, one that cannot be read: it may be the one that withdraws.
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
        """Whether consent was given for a capture; None if no event says. Any value but ``true`` means no."""
        said = self._of("consent_given", capture_id)
        return all(value is True for value in said) if said else None

    def is_demo(self, capture_id: str) -> bool | None:
        """Whether a capture is a demonstration; None if no event says. Any value but ``false`` means yes."""
        said = self._of("is_demo", capture_id)
        return any(value is not False for value in said) if said else None

    def _of(self, field: str, capture_id: str) -> list[Any]:
        return self._said[field, ""] + self._said[field, capture_id]


def heeded(events: Iterable[tuple[Mapping[str, Any], bool] | None]) -> Iterator[Mapping[str, Any] | None]:
    """The statements of each event of a log; None for an event that cannot be read. Each event comes with whether a
    client appended it under one of the system's own names (`contracts.storage.session_log.LogLine.by_client`).

    A label, and that consent was given, come from the session's start and from a capture's own event alone: a client
    may append any event, and must not speak for another one. The start is the first one in the log, for the session
    manager writes it before any client knows the session's id. A refusal of consent counts from any event.
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
    """A gesture's name as exports have it: in Unicode's composed form, so that one name is one sign however it was
    typed; None for what is no text, or only spaces."""
    if not isinstance(text, str) or not text.strip():
        return None
    # JSON has texts that are no Unicode, with half a surrogate pair; no table has
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
