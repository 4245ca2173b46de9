"""Sessions whose log cannot be written for now: their later events wait, so that the order stands. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.process.retry import backoff_s
from contracts.rules.errors import RecorderIOError

__all__ = ["Holds", "SessionKey"]

HURRY_S = 0.5
"""How often a session that somebody waits for is tried."""

SessionKey = tuple[str, str]
"""``user_id, session_id``."""


@dataclass(slots=True)
class _Hold:
    error: RecorderIOError
    attempts: int
    failed_at_s: float
    retry_at_s: float
    closed: bool = True


class Holds:
    """The sessions that are held back. Times are a monotonic clock's, in seconds.

    A held session is let through again only at the start of a pass over all pending entries (`reopen`): there
    its oldest event comes first.
    """

    def __init__(self) -> None:
        self._holds: dict[SessionKey, _Hold] = {}

    def __len__(self) -> int:
        return len(self._holds)

    def refusal(self, session: SessionKey) -> RecorderIOError | None:
        """Why the session's events wait; None if they need not."""
        hold = self._holds.get(session)
        return hold.error if hold is not None and hold.closed else None

    def failed(self, session: SessionKey, error: RecorderIOError, now_s: float) -> None:
        """Hold the session back, for longer with each failure in a row."""
        before = self._holds.get(session)
        attempts = before.attempts + 1 if before else 0
        self._holds[session] = _Hold(error, attempts, now_s, now_s + backoff_s(attempts))

    def hurry(self, session: SessionKey, now_s: float) -> None:
        """Somebody waits for an event of this session: the next try comes `HURRY_S` after the last one."""
        hold = self._holds.get(session)
        if hold is not None:
            hold.retry_at_s = min(hold.retry_at_s, max(now_s, hold.failed_at_s + HURRY_S))

    def succeeded(self, session: SessionKey) -> None:
        """The session's log can be written."""
        self._holds.pop(session, None)

    def reopen(self, now_s: float) -> None:
        """Give every session whose time has come another try. A pass over all pending entries must follow."""
        for hold in self._holds.values():
            if hold.retry_at_s <= now_s:
                hold.closed = False

    def next_retry_s(self) -> float | None:
        """When the next session may be tried again; None if none is held back."""
        return min((hold.retry_at_s for hold in self._holds.values() if hold.closed), default=None)
