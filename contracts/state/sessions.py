"""The session registry in the events role: a session is registered, and closed, together with its event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from contracts.broker import keys
from contracts.broker.script import Argument, Call
from contracts.rules.formats import check_format
from contracts.state.events import EventEntry

__all__ = ["SESSION_TTL_S", "SessionStep", "end_session", "start_session"]

SESSION_TTL_S = 30 * 24 * 3600
"""How long the registry keeps an open session after its start, or after the last capture was opened in it."""

ENDED_SESSION_TTL_S = 7 * 24 * 3600
"""How long the registry keeps an ended session: as long as its captures. So long a request may be repeated."""


@dataclass(frozen=True, slots=True)
class SessionStep:
    """The outcome of a start or an end.

    ``new`` has the entry ID of the event that was just published; ``again`` repeats an earlier answer, and
    its event may be published once more.
    """

    word: Literal["new", "again", "unknown", "wrong_user", "closed"]
    answer: bytes = b""
    event: bytes = b""
    entry_id: str = ""


def _read_step(reply: Any) -> SessionStep:
    word, *rest = reply
    if word == b"format":
        check_format("session", rest[0])
    answer, event, entry_id = [*rest, b"", b"", b""][:3]
    return SessionStep(cast(Any, word.decode()), answer, event, entry_id.decode())


def start_session(request_id: str, answer: bytes, entry: EventEntry) -> Call[SessionStep]:
    """Register a session and publish its start event. ``request_id`` is the request's own ``record_id``."""
    arguments: list[Argument] = [entry.session_id, entry.user_id, request_id, answer, entry.event, entry.record_id]
    arguments.append(SESSION_TTL_S)
    return Call("events", "session_start", [keys.session(entry.session_id), keys.EVENTS], arguments, _read_step)


def end_session(request_id: str, answer: bytes, entry: EventEntry) -> Call[SessionStep]:
    """Close a session and publish its end event. ``request_id`` is the request's own ``record_id``."""
    arguments: list[Argument] = [entry.session_id, entry.user_id, request_id, answer, entry.event, entry.record_id]
    arguments.append(ENDED_SESSION_TTL_S)
    return Call("events", "session_end", [keys.session(entry.session_id), keys.EVENTS], arguments, _read_step)
