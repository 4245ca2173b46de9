"""The one message from the gateway to the extractors: a capture waits for an extractor.

A gateway adds the entry to ``a3cp:captures``, or to ``a3cp:uploads`` if the frames come from a video. While the entry
is pending in the group ``extractors``, its consumer owns the capture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.broker.roles import AsyncBroker, broker_errors
from contracts.rules import formats
from contracts.state.captures import CaptureWindow
from contracts.state.traces import trace_of

__all__ = ["DispatchEntry", "dispatch"]


@dataclass(frozen=True, slots=True)
class DispatchEntry:
    """The fields of one entry. Extractors need only ``capture_id``; the others help operators who read the stream.
    ``traceparent`` is the gateway's span; the entry has it only if the capture is traced."""

    capture_id: str
    user_id: str
    session_id: str
    traceparent: str = ""

    @classmethod
    def of(cls, window: CaptureWindow, traceparent: str = "") -> DispatchEntry:
        """The entry that dispatches this capture."""
        return cls(window.capture_id, window.user_id, window.session_id, traceparent)

    def encode(self) -> dict[str, str]:
        """The fields as ``XADD`` takes them."""
        fields = {"capture_id": self.capture_id, "user_id": self.user_id, "session_id": self.session_id}
        if self.traceparent:
            fields["traceparent"] = self.traceparent
        return fields | {formats.FIELD: formats.written("dispatch")}

    @classmethod
    def decode(cls, fields: Mapping[bytes, bytes]) -> DispatchEntry:
        """Read an entry without judging it: a missing field becomes an empty string, and ``capture_id`` may not be an
        identifier. Whether this release reads the entry at all: `check`."""
        capture_id, user_id, session_id = (
            fields.get(name, b"").decode(errors="replace") for name in (b"capture_id", b"user_id", b"session_id")
        )
        return cls(capture_id, user_id, session_id, trace_of(fields))

    @staticmethod
    def check(fields: Mapping[bytes, bytes]) -> None:
        """Raises ``OtherFormat`` or ``ValueError``, as `contracts.rules.formats.check_format`."""
        formats.check_format("dispatch", fields.get(formats.FIELD.encode()))


async def dispatch(broker: AsyncBroker, window: CaptureWindow, traceparent: str = "") -> None:
    """Add the capture's entry to its queue. A repetition is harmless: only the entry that claimed the capture first can
    claim it again.

    Raises:
        BrokerUnavailable: the frames broker did not answer; the entry may be there.
    """
    queue = window.queue
    with broker_errors("frames"):
        await broker.xadd(queue, DispatchEntry.of(window, traceparent).encode())  # type: ignore[arg-type]
