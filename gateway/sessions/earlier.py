"""What a session's log says about a start that the registry has forgotten. It blocks: call it in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from contracts.rules.ids import Identifier, SessionId
from contracts.rules.json_text import parse_object
from contracts.storage.session_log import read_log

__all__ = ["EarlierStart", "find_earlier_start"]


@dataclass(frozen=True, slots=True)
class EarlierStart:
    """A session's first start: its event as it is in the log, and whether the session may go on."""

    event: bytes
    goes_on: bool

    @property
    def answer(self) -> bytes:
        """What its client was answered: the event's fields without those that only the log has."""
        said = orjson.loads(self.event)
        return orjson.dumps({name: value for name, value in said.items() if name not in ("event", "recorded_by")})


def find_earlier_start(log: Path, user_id: Identifier, session_id: SessionId) -> EarlierStart | None:
    """The start of this session in its log; None if it is not there. The session does not go on after its end, and not
    after consent to all of it was withdrawn.

    Raises:
        OSError: the log cannot be read.
    """
    first, goes_on = b"", True
    for line in read_log(log):
        try:
            event = parse_object(line.event)
        except ValueError:
            continue
        if line.by_client or (event.get("user_id"), event.get("session_id")) != (user_id, session_id):
            continue
        if event.get("event") == "session.start":
            first = first or line.event
        ended = event.get("event") == "session.end"
        withdrawn = event.get("event") == "consent.withdrawn" and not event.get("capture_id")
        goes_on = goes_on and not (ended or withdrawn)
    return EarlierStart(first, goes_on) if first else None
