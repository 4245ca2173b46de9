"""The further attempts to send a take whose first one has lost its connection.

A take is recorded once, because the gateway decides a capture's outcome once and for all, and the client asks for it
before each further attempt:

- *recorded*: the take is safe. The connection may have been lost after the close, whose frames are extracted.
- *aborted*: the take can only be recorded as another capture: new ids, and ``annotation.resend_of``.
- *open* or being extracted: the client waits until the gateway has decided. A gateway that does not notice the loss of
  the connection aborts the capture when no frame has come for 5 s.
- *unknown*: the open did not arrive, or has not yet. The client sends the take with the same ids. If the first open
  arrives after all, only one of the two can reserve the ids; the other one is refused as a ``duplicate_capture``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from contracts.messages.http import CaptureReport
from contracts.process.retry import Until, retry
from scripts.client.capture import Capture, WaitForOutcome
from scripts.client.errors import ClientError, GatewayAway, GatewayRefused
from scripts.client.outcome import CaptureAborted, CaptureOutcome
from scripts.client.take import Take, is_loss, may_send_again
from scripts.client.window import Window

__all__ = ["AskForReport", "Asking", "Delivery", "MakeAttempt", "MakeWindow"]

AskForReport = Callable[[str], Awaitable[CaptureReport | None]]
"""`CaptureClient.capture`: asks for a capture's progress or outcome; None if the gateway does not know it."""

MakeWindow = Callable[[str], Window]
"""Makes the window of one more attempt, with new ids; the argument is the first attempt's ``capture_id``."""

MakeAttempt = Callable[[Window], Capture]
"""Makes a capture with a window of which no frame was sent."""

AGAIN_WITHIN_S = 300.0
"""How long after the first loss of the connection the client begins a further attempt."""

ATTEMPTS = 20
"""How many further captures a take may cost."""


class _Lost(Exception):
    """An attempt failed in a way that is worth another one; the cause says how."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The two questions about a capture: its report now, and its outcome when it has one."""

    report: AskForReport
    wait: WaitForOutcome


class Delivery:
    """Sends a take until it is recorded, while frames may still be added to it.

    Attributes:
        window: the window of the attempt that is under way, or that was recorded.
        attempt: the last further attempt; None before the first.
        opened: set when a further attempt was opened.
        more: to be set when the take has another frame, or its end.
    """

    def __init__(
        self, take: Take, window: Window, asking: Asking, make_window: MakeWindow, make_attempt: MakeAttempt
    ) -> None:
        self.window = window
        self.attempt: Capture | None = None
        self.opened = asyncio.Event()
        self.more = asyncio.Event()
        self._take = take
        self._first_id = window.open.capture_id
        self._asking = asking
        self._make_window = make_window
        self._make_attempt = make_attempt
        self._aborted = 0

    async def run(self) -> CaptureOutcome:
        """Send the take until it is recorded. Returns the outcome; ``resend_of`` is the first attempt, unless that one
        was recorded.

        Raises:
            CaptureAborted: an attempt was aborted for a reason that another one would not change.
            CaptureStalled: an attempt was closed and makes no progress; it may still be recorded.
            GatewayAway, GatewayRefused: the gateway did not answer for five minutes, or refuses.
        """
        try:
            outcome = await retry(self._try_again, until=Until(retried=_Lost, failing_s=AGAIN_WITHIN_S))
        except _Lost as lost:
            assert lost.__cause__ is not None
            raise lost.__cause__ from None
        return replace(outcome, resend_of=self._first_id if outcome.capture_id != self._first_id else "")

    async def _try_again(self) -> CaptureOutcome:
        try:
            if (outcome := await self._recorded()) is not None:
                return outcome
        except (GatewayAway, GatewayRefused) as error:
            raise _worth_another(error) from error
        try:
            return await self._send()
        except (GatewayAway, GatewayRefused, CaptureAborted) as error:
            raise _worth_another(error) from error

    async def _recorded(self) -> CaptureOutcome | None:
        """The outcome of the last attempt, if it was recorded. If it was aborted, choose the ids of the next one."""
        capture_id = self.window.open.capture_id
        if await self._asking.report(capture_id) is None:
            return None
        outcome = await self._asking.wait(capture_id)
        if outcome.recorded:
            return outcome
        if not may_send_again(outcome.error_code) or self._aborted >= ATTEMPTS:
            raise CaptureAborted(outcome)
        self._aborted += 1
        self.window = self._make_window(self._first_id)
        return None

    async def _send(self) -> CaptureOutcome:
        attempt = self.attempt = self._make_attempt(self.window.unsent())
        try:
            await attempt.__aenter__()
            self.opened.set()
            sent = 0
            while sent < len(self._take.frames) or self._take.end is None:
                if sent == len(self._take.frames):
                    self.more.clear()
                    await self.more.wait()
                    continue
                moment, jpeg = self._take.frames[sent]
                await attempt.send(jpeg, moment)
                sent += 1
            await attempt.close(self._take.end)
            return await attempt.finish()
        finally:
            await attempt.abort()


def _worth_another(error: ClientError) -> Exception:
    """`_Lost` if another attempt may succeed, else the error itself. A ``duplicate_capture`` is the take itself: the
    open of an earlier connection arrived late."""
    late = isinstance(error, CaptureAborted) and error.code == "duplicate_capture"
    return _Lost() if late or is_loss(error) else error
