"""One connection of the real-time lane: which frame is worked on, which are dropped, and what its client is told, in
order. No I/O, no clock.

Nothing is queued. Frames have consecutive indices, and all that are told later than they came are in two runs, the
drops before the frame that is worked on and the drops after it; so three numbers and one answer are all there is to
keep, however many frames come:

    told           current              received
     │  dropped …  │  in work, answered │  dropped …  │
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.messages.live import LiveDropped, LiveWarning
from gateway.live.backpressure import Backpressure

__all__ = ["LiveSession", "Message", "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a frame; ``text`` is the result as JSON, as the worker wrote it."""

    frame_index: int
    text: bytes

    def model_dump_json(self) -> str:
        """As `contracts.messages.live.LiveResult` would write it; the result is not parsed for it."""
        return f'{{"frame_index":{self.frame_index},"result":{self.text.decode()}}}'


Message = Result | LiveDropped | LiveWarning


class LiveSession:
    """Feed it frames that came and answers; it says what to work on, and what to tell.

    ``received``, ``processed``, ``dropped`` and ``slow_downs`` count from 0; a frame's index is ``received`` before it.
    """

    def __init__(self, backpressure: Backpressure) -> None:
        self.backpressure = backpressure
        self.received = self.processed = self.dropped = self.slow_downs = 0
        self._told = 0
        self._current: int | None = None
        self._answer: Result | None = None
        self._warn = False

    def frame_came(self) -> int | None:
        """A valid frame came: its index if it is to be worked on, None if it is dropped."""
        index = self.received
        self.received += 1
        if self._current is None:
            self._current = index
            return index
        self.dropped += 1
        return None

    def answered(self, text: bytes) -> None:
        """The frame that is worked on has its result."""
        assert self._current is not None and self._answer is None
        self._answer = Result(self._current, text)
        self.processed += 1

    def not_taken(self) -> None:
        """There was no room for the frame that was to be worked on: it is dropped."""
        assert self._current is not None and self._answer is None
        self._current = None
        self.dropped += 1

    def next_message(self) -> Message | None:
        """What the client is to be told next, if there is anything; call it again until there is nothing."""
        if self._warn:
            self._warn = False
            return LiveWarning()
        if self._told == self.received or (self._told == self._current and self._answer is None):
            return None
        index = self._told
        self._told += 1
        if index != self._current:
            self._warn = self.backpressure.note(dropped=True)
            self.slow_downs += self._warn
            return LiveDropped(frame_index=index)
        answer, self._answer, self._current = self._answer, None, None
        self.backpressure.note(dropped=False)
        return answer
