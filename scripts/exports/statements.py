"""What a session's log says of consent, of demonstrations and of the session's gesture. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Statements"]


class Statements:
    """The statements of all events of one session. An event with a ``capture_id`` speaks of that capture, any other of
    the whole session; their order does not matter.

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
        for event in events:
            if event is None:
                self.whole = False
                continue
            for field in ("consent_given", "is_demo"):
                if event.get(field) is not None:
                    self._said[field, str(event.get("capture_id") or "")].append(event[field])
            if event.get("event") == "session.start" and isinstance(event.get("training_intent_label"), str):
                # JSON has texts that are no Unicode, with half a surrogate pair; no table has
                label = event["training_intent_label"].encode("utf-8", "replace").decode()
                self.session_intent = label or None

    def consent_given(self, capture_id: str) -> bool | None:
        """Whether consent was given for a capture; None if nobody said. Whatever is not ``true`` is a no."""
        said = self._of("consent_given", capture_id)
        return all(value is True for value in said) if said else None

    def is_demo(self, capture_id: str) -> bool | None:
        """Whether a capture is a demonstration; None if nobody said. Whatever is not ``false`` is a yes."""
        said = self._of("is_demo", capture_id)
        return any(value is not False for value in said) if said else None

    def _of(self, field: str, capture_id: str) -> list[Any]:
        return self._said[field, ""] + self._said[field, capture_id]
