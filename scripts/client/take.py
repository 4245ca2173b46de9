"""A take in memory, and the rules by which a client sends it again. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from contracts.messages.http import ClientLimits
from scripts.client.errors import ClientError, GatewayAway, GatewayRefused, UsageError
from scripts.client.explanations import may_retry
from scripts.client.outcome import CaptureAborted

__all__ = ["TEMPORARY", "Take", "is_loss", "may_send_again"]

TEMPORARY = {502, 503, 504}
"""The statuses of a gateway whose brokers are away (503), and of a proxy whose gateway is away."""


@dataclass(slots=True)
class Take:
    """The frames of one take and their event times, in memory and on no disk.

    Attributes:
        limits: the gateway's limits: a take has at most ``max_frames`` frames and ``max_total_bytes`` bytes.
        frames: each frame's event time and its JPEG.
        end: the event time of the end; None while frames may follow.
    """

    limits: ClientLimits
    frames: list[tuple[datetime, bytes]] = field(default_factory=list)
    end: datetime | None = None
    total_bytes: int = 0

    def check_room(self, byte_length: int) -> None:
        """Check that one more frame of this length is within the limits.

        Raises:
            UsageError: it is not. The take may still be closed, and is then recorded without it.
        """
        limits = self.limits
        if len(self.frames) >= limits.max_frames or self.total_bytes + byte_length > limits.max_total_bytes:
            raise UsageError(
                f"the take is full: the gateway accepts {limits.max_frames} frames and {limits.max_total_bytes} bytes; "
                "close the capture"
            )

    def add(self, moment: datetime, jpeg: bytes) -> None:
        """Keep a frame."""
        self.frames.append((moment, jpeg))
        self.total_bytes += len(jpeg)

    def forget(self) -> None:
        """Free the memory of a take that is recorded, or given up."""
        self.frames.clear()
        self.total_bytes = 0


def may_send_again(code: str) -> bool:
    """Whether a take may be sent again after an attempt that was aborted with this code.

    A ``protocol_violation`` is among them: a gateway that gets no frame for 5 s, because the network is slow or lost,
    ends a capture with this code.
    """
    return may_retry(code) or code == "protocol_violation"


def is_loss(error: ClientError) -> bool:
    """Whether the error may come from a lost network or a stopped gateway, so that the take is worth sending again."""
    match error:
        case CaptureAborted():
            return may_send_again(error.code)
        case GatewayRefused():
            return error.status in TEMPORARY
        case _:
            return isinstance(error, GatewayAway)
