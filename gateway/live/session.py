"""One connection of the real-time lane: it decides which frames are dropped, and the order of messages to the client.
No I/O, no clock.

No frame is queued. Frames have consecutive indices. The frames that are not yet reported to the client are the current
frame, the dropped frames before it and the dropped frames after it. So three numbers and one answer describe any number
of frames:

    reported       current              received
     │  dropped …  │  in work, answered │  dropped …  │
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.messages.live import LiveDropped, LiveWarning
from gateway.live.backpressure import Backpressure

__all__ = ["LiveSession", "Message", "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a frame. ``text`` is the worker's JSON, unchanged."""

    frame_index: int
    text: bytes

    def model_dump_json(self) -> str:
        """The JSON of a `contracts.messages.live.LiveResult`, built without parsing the worker's JSON."""
        return f'{{"frame_index":{self.frame_index},"result":{self.text.decode()}}}'


Message = Result | LiveDropped | LiveWarning


class LiveSession:
    """Counts frames and answers, and returns the messages for the client in order.

    ``received``, ``processed``, ``dropped`` and ``slow_downs`` are counts. A frame's index is the number of frames
    received before it.
    """

    def __init__(self, backpressure: Backpressure) -> None:
        self.backpressure = backpressure
        self.received = self.processed = self.dropped = self.slow_downs = 0
        self._reported = 0
        self._current: int | None = None
        self._answer: Result | None = None
        self._warn = False

    def add_frame(self) -> int | None:
        """Count a valid frame. Returns its index if a worker should get it, None if it is dropped."""
        index = self.received
        self.received += 1
        if self._current is None:
            self._current = index
            return index
        self.dropped += 1
        return None

    def add_answer(self, text: bytes) -> None:
        """Store the result of the current frame."""
        assert self._current is not None and self._answer is None
        self._answer = Result(self._current, text)
        self.processed += 1

    def drop_current(self) -> None:
        """Drop the current frame: the broker has no memory for it."""
        assert self._current is not None and self._answer is None
        self._current = None
        self.dropped += 1

    def next_message(self) -> Message | None:
        """The next message for the client; None if there is none at the moment."""
        if self._warn:
            self._warn = False
            return LiveWarning()
        if self._reported == self.received or (self._reported == self._current and self._answer is None):
            return None
        index = self._reported
        self._reported += 1
        if index != self._current:
            self._warn = self.backpressure.note(dropped=True)
            self.slow_downs += self._warn
            return LiveDropped(frame_index=index)
        answer, self._answer, self._current = self._answer, None, None
        self.backpressure.note(dropped=False)
        return answer
