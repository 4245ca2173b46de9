"""The sessions whose events wait, so that their order is kept: the log cannot be written, or an event of the session is
for a recorder of another release."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.process.retry import backoff_s
from contracts.rules.errors import RecorderIOError

__all__ = ["BlockedSessions", "SessionKey"]

HURRY_S = 0.5
"""How often a blocked session is tried if new events of it arrive."""

SessionKey = tuple[str, str]
"""``user_id, session_id``."""


@dataclass(slots=True)
class _Block:
    error: RecorderIOError
    attempts: int
    failed_at_s: float
    retry_at_s: float
    closed: bool = True


class BlockedSessions:
    """The sessions whose events wait. Times are those of a monotonic clock, in seconds.

    A blocked session gets another try only at the start of a pass over all pending entries (`reopen`), because only
    there does its oldest event come first.
    """

    def __init__(self) -> None:
        self._blocks: dict[SessionKey, _Block] = {}

    def __len__(self) -> int:
        return len(self._blocks)

    def reason(self, session: SessionKey) -> RecorderIOError | None:
        """The error for which the session's events wait; None if they may be written."""
        block = self._blocks.get(session)
        return block.error if block is not None and block.closed else None

    def failed(self, session: SessionKey, error: RecorderIOError, now_s: float) -> None:
        """Block the session, for longer with each failure in a row."""
        before = self._blocks.get(session)
        attempts = before.attempts + 1 if before else 0
        self._blocks[session] = _Block(error, attempts, now_s, now_s + backoff_s(attempts))

    def hurry(self, session: SessionKey, now_s: float) -> None:
        """A new event of this session arrived, so a client may be waiting: retry `HURRY_S` after its failure."""
        block = self._blocks.get(session)
        if block is not None:
            block.retry_at_s = min(block.retry_at_s, max(now_s, block.failed_at_s + HURRY_S))

    def succeeded(self, session: SessionKey) -> None:
        """Unblock the session: its log was written."""
        self._blocks.pop(session, None)

    def reopen(self, now_s: float) -> None:
        """Allow another try of every session that is due. A pass over all pending entries must follow."""
        for block in self._blocks.values():
            if block.retry_at_s <= now_s:
                block.closed = False

    def next_retry_s(self) -> float | None:
        """When the next session may be tried again; None if no session waits for its time."""
        return min((block.retry_at_s for block in self._blocks.values() if block.closed), default=None)
