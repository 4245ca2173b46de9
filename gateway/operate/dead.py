"""Dead letters for the operator: read them, try one again, drop one."""

from __future__ import annotations

import asyncio
from datetime import datetime

from contracts.broker.script import run
from contracts.messages.operate import DeadItemWhole, DeadPage
from contracts.process.logs import get_logger
from contracts.process.retry import retry
from contracts.rules.errors import MissingSessionPath, RecorderError, RequestRefused
from contracts.rules.ids import is_entry_id
from contracts.state import letters
from contracts.state.events import EventEntry
from contracts.state.letters import DeadLetter
from gateway.operate.explanations import summary, unknown, whole
from gateway.sessions.store import has_log_directory
from gateway.state import GatewayState

__all__ = ["DeadLetters"]

log = get_logger()


class DeadLetters:
    """The dead letters of one gateway's events broker.

    Every method raises `BrokerUnavailable` if the broker does not answer, and those that are about one letter
    `RequestRefused` 404 ``unknown_dead_letter`` if it is not there.
    """

    def __init__(self, state: GatewayState) -> None:
        self._state = state
        self._events = state.events

    async def page(self, cursor: str | None, most: int) -> DeadPage:
        """The newest letters, or those before ``cursor``.

        Raises:
            RequestRefused: 400 ``invalid_cursor``.
        """
        if cursor is not None and not is_entry_id(cursor):
            raise RequestRefused(400, "invalid_cursor", "The cursor is not the next of a page.")
        found = await retry(lambda: letters.read_letters(self._events, cursor or "", most))
        more = bool(found) and await letters.has_older(self._events, found[-1].letter_id)
        return DeadPage(
            items=[summary(letter) for letter in found],
            total=await letters.count_letters(self._events),
            next=found[-1].letter_id if more else None,
        )

    async def show(self, letter_id: str) -> DeadItemWhole:
        """One letter, whole, and whether another try would fail."""
        letter = await self._letter(letter_id)
        try:
            await self._accepted(letter)
        except RecorderError as error:
            return whole(letter, str(error))
        return whole(letter, "")

    async def retry(self, letter_id: str) -> datetime:
        """Put a letter's event back into the stream, once, and remove the letter; returns when.

        Raises:
            RequestRefused: 409 ``would_fail_again``: the recorder would refuse it again. The letter stays.
        """
        letter = await self._letter(letter_id)
        try:
            entry = await self._accepted(letter)
        except RecorderError as error:
            raise RequestRefused(409, "would_fail_again", str(error)) from None
        moved = await run(self._events, letters.retry_letter(letter, entry))
        if moved.at is None:
            raise unknown(moved.note)
        log.info("dead letter retried", letter_id=letter_id, reason=letter.reason, session_id=entry.session_id)
        return moved.at

    async def drop(self, letter_id: str) -> datetime:
        """Remove a letter for good; returns when."""
        letter = await self._letter(letter_id)
        moved = await run(self._events, letters.drop_letter(letter_id))
        if moved.at is None:
            raise unknown(moved.note)
        log.warning("dead letter dropped", letter_id=letter_id, reason=letter.reason)
        return moved.at

    async def _letter(self, letter_id: str) -> DeadLetter:
        if not is_entry_id(letter_id):
            raise unknown(None)
        found = await retry(lambda: letters.read_letter(self._events, letter_id))
        if isinstance(found, DeadLetter):
            return found
        raise unknown(found)

    async def _accepted(self, letter: DeadLetter) -> EventEntry:
        """The entry that the recorder would take now.

        Raises:
            RecorderError: it would refuse it again.
        """
        entry = letter.accepted(self._state.settings.max_event_bytes)
        log_root = self._state.settings.log_root
        if not await asyncio.to_thread(has_log_directory, log_root, entry.user_id):
            raise MissingSessionPath("the session's directory does not exist")
        return entry
