"""The rule that says when a client may send the next frame of a capture. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.messages.capture import CaptureProgress

__all__ = ["Pace", "StreamState"]


@dataclass(frozen=True, slots=True)
class StreamState:
    """A capture's progress. ``sent``, ``closed`` and ``lost`` are the client's; ``extracted`` and ``progress`` are from
    the gateway's last message. ``lost``: the connection was lost, and the client tries to send the take again."""

    sent: int = 0
    extracted: int = 0
    closed: bool = False
    lost: bool = False
    progress: CaptureProgress | None = None

    @property
    def waiting(self) -> bool:
        """Whether no extractor has the capture yet, by the gateway's last message."""
        return self.progress is None or self.progress.status == "waiting"


@dataclass(frozen=True, slots=True)
class Pace:
    """The rule that says when the client may send the next frame.

    The client sends while the stream is at most half full, and at most ``ahead_frames`` frames beyond those that the
    gateway has reported as accepted: progress comes a few times a second. While the capture waits for an extractor the
    client sends nothing. After ``patience_s`` of waiting it sends one frame every ``trickle_s``: the gateway waits a
    minute for an extractor, and then ends a capture that sends no frame.

    Filling half the stream is right for slow extractors: the gateway stops a capture's clocks only above that.
    ``backlog_frames`` limits the frames that wait for extraction, so that less is left to do after the close.
    """

    ahead_frames: int = 30
    backlog_frames: int = 1_000_000
    patience_s: float = 40.0
    trickle_s: float = 2.0

    def allows(self, state: StreamState, *, waited_s: float, since_sent_s: float) -> bool:
        """Return whether a frame may be sent now, ``waited_s`` after the open and ``since_sent_s`` after the last
        frame."""
        if state.progress is None:
            return False
        if state.waiting:
            return waited_s > self.patience_s and since_sent_s > self.trickle_s
        return (
            not state.progress.slow_down
            and state.sent - state.progress.accepted < self.ahead_frames
            and state.sent - state.progress.extracted < self.backlog_frames
        )
