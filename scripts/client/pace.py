"""When the next frame of a streamed capture may go. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.messages.capture import CaptureProgress

__all__ = ["Pace", "StreamState"]


@dataclass(frozen=True, slots=True)
class StreamState:
    """How far a capture is: ``sent`` and ``closed`` by us, ``extracted`` as the gateway said last."""

    sent: int = 0
    extracted: int = 0
    closed: bool = False
    progress: CaptureProgress | None = None

    @property
    def waiting(self) -> bool:
        """Whether no extractor has the capture yet, as far as we know."""
        return self.progress is None or self.progress.status == "waiting"


@dataclass(frozen=True, slots=True)
class Pace:
    """When the next frame may go.

    Frames go while the stream is at most half full, and ``ahead_frames`` at most before the gateway has said that
    they are in the broker: progress comes a few times a second. While the capture waits for an extractor nothing
    goes, except that after ``patience_s`` one frame every ``trickle_s`` shows the gateway that we still want it.

    A full half is right for slow extractors: the gateway's clocks stand still only above it. ``backlog_frames``
    keeps the stream shorter, so that less is left to do after the close.
    """

    ahead_frames: int = 30
    backlog_frames: int = 1_000_000
    patience_s: float = 40.0
    trickle_s: float = 2.0

    def allows(self, state: StreamState, *, waited_s: float, since_sent_s: float) -> bool:
        """Whether a frame may go now, ``waited_s`` after the open and ``since_sent_s`` after the last frame."""
        if state.progress is None:
            return False
        if state.waiting:
            return waited_s > self.patience_s and since_sent_s > self.trickle_s
        return (
            not state.progress.slow_down
            and state.sent - state.progress.accepted < self.ahead_frames
            and state.sent - state.progress.extracted < self.backlog_frames
        )
