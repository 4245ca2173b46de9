"""Failed captures for the operator: captures that are ``extraction_failed`` and whose frames are kept for a while.

Another try takes four steps in two brokers: the outcome is taken back, the capture is closed again, it is dispatched,
and its slot is freed. Each may be repeated, and until an extractor has the capture it is in the list. So a gateway that
is killed leaves a capture that can be tried again, and however often it is dispatched, one extractor gets it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from contracts.broker.script import run
from contracts.messages.operate import DeadItemWhole, DeadPage
from contracts.process.logs import get_logger
from contracts.process.retry import retry
from contracts.rules.errors import RequestRefused, UnreadableValue
from contracts.state import failed, letters
from contracts.state.dispatch import dispatch
from contracts.state.failed import FailedCapture, FailedSlot
from gateway.operate.explanations import CAPTURE, capture_summary, unknown, whole_capture
from gateway.sessions.store import has_directories
from gateway.state import GatewayState

__all__ = ["FailedCaptures"]

MOST_SHOWN = 100

log = get_logger()

_NOT_TAKEN_BACK = {
    "consent_withdrawn": "Consent to the session was withdrawn.",
    "published": "It is published already.",
    "unknown": "Its record in the events broker has lapsed.",
}


class FailedCaptures:
    """The failed captures of one gateway's frames broker.

    Every method raises `BrokerUnavailable` if a broker does not answer, and those that are about one capture
    `RequestRefused` 404 ``unknown_dead_letter`` if it is not there.
    """

    def __init__(self, state: GatewayState) -> None:
        self._state = state
        self._frames = state.frames
        self._events = state.events

    async def added_to(self, page: DeadPage, *, first: bool) -> DeadPage:
        """A page of dead letters with the failed captures: on the ``first`` page as items, on each in its total."""
        slots = await retry(lambda: failed.read_slots(self._frames))
        read = [await self._read(slot) for slot in slots[:MOST_SHOWN]] if first else []
        items = [capture_summary(capture) for capture in read if capture is not None]
        gone = sum(capture is None for capture in read)
        return DeadPage(items=items + page.items, total=page.total + len(slots) - gone, next=page.next)

    async def show(self, item_id: str) -> DeadItemWhole:
        """One capture without its pictures, and whether another try would fail."""
        capture = await self._capture(item_id)
        return whole_capture(capture, await self._refusal(capture))

    async def retry(self, item_id: str) -> datetime:
        """Have a capture extracted again, once; returns when.

        Raises:
            RequestRefused: 409 ``would_fail_again``: frames or folders are missing, or consent was withdrawn.
        """
        capture = await self._capture(item_id)
        if refusal := await self._refusal(capture):
            raise RequestRefused(409, "would_fail_again", refusal)
        window = capture.window
        taken = await retry(lambda: run(self._events, failed.take_back(window, item_id)))
        if taken != "OK":
            raise RequestRefused(409, "would_fail_again", _NOT_TAKEN_BACK.get(taken, "It has another outcome."))
        if not await retry(lambda: run(self._frames, failed.revive(window.capture_id))):
            raise RequestRefused(409, "would_fail_again", "Its frames are gone.")
        await retry(lambda: dispatch(self._frames, window))
        await retry(lambda: run(self._frames, failed.release_failed(capture.slot)))
        log.info("failed capture dispatched again", capture_id=window.capture_id)
        return datetime.now(UTC)

    async def drop(self, item_id: str) -> datetime:
        """Remove a capture's frames for good; returns when."""
        capture = await self._capture(item_id)
        if not await self._drop(capture.slot):
            raise unknown(None)
        log.warning("failed capture dropped", capture_id=capture.window.capture_id)
        return datetime.now(UTC)

    async def withdrawn(self, user_id: str, sessions: Iterable[str], capture_id: str | None) -> None:
        """Remove the frames of one capture of a user, or of all in these sessions, because consent was withdrawn."""
        of = frozenset(sessions)
        for slot in await retry(lambda: failed.read_slots(self._frames)):
            capture = await self._read(slot) if slot.user_id == user_id else None
            if capture is None:
                continue
            window = capture.window
            if capture_id == window.capture_id or (capture_id is None and window.session_id in of):
                await self._drop(slot)
                log.info("failed capture dropped, consent withdrawn", capture_id=window.capture_id)

    async def _drop(self, slot: FailedSlot) -> bool:
        dropped = await retry(lambda: run(self._frames, failed.drop_failed(slot.capture_id)))
        if dropped:
            await retry(lambda: run(self._frames, failed.release_failed(slot)))
        return dropped

    async def _read(self, slot: FailedSlot) -> FailedCapture | None:
        """The capture of a slot. A gateway that died after another try, or a drop, left the slot: it is freed."""
        try:
            found = await retry(lambda: failed.read_capture(self._frames, slot))
            if found is None:
                await retry(lambda: run(self._frames, failed.release_failed(slot)))
            return found
        except UnreadableValue as error:
            log.warning("a failed capture cannot be read", detail=str(error))
            return None

    async def _capture(self, item_id: str) -> FailedCapture:
        capture_id = item_id.removeprefix(CAPTURE)
        for slot in await retry(lambda: failed.read_slots(self._frames)):
            if slot.capture_id == capture_id and (found := await self._read(slot)) is not None:
                return found
        raise unknown(await retry(lambda: letters.read_note(self._events, item_id)))

    async def _refusal(self, capture: FailedCapture) -> str:
        """Why another try would fail, as far as this can be seen before it; empty if it would not."""
        if not capture.is_whole:
            return "Some of its frames are gone."
        settings, window = self._state.settings, capture.window
        folders = settings.artifact_root, settings.log_root, window.user_id, window.session_id
        if not await asyncio.to_thread(has_directories, *folders):
            return "The session's folder below DATA_ROOT or LOG_ROOT does not exist."
        return ""
