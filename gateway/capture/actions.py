"""The actions that the capture protocol asks its endpoint to perform. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from contracts.messages.capture import CaptureOpen
from contracts.rules.codes import CODES, CaptureCode
from contracts.state.frame import ForwardItem

__all__ = ["Action", "CheckSession", "Complete", "Finish", "Forward", "Open", "finish_of"]


@dataclass(frozen=True, slots=True)
class Open:
    """Reserve, open and dispatch the capture; then call `opened` or `fail`."""

    message: CaptureOpen


@dataclass(frozen=True, slots=True)
class Forward:
    """Put this frame into the forward queue. ``timestamp_frame`` is the item's, as `format_utc` writes it."""

    item: ForwardItem
    timestamp_frame: str


@dataclass(frozen=True, slots=True)
class CheckSession:
    """Look the session up again; then call `session_checked`."""


@dataclass(frozen=True, slots=True)
class Complete:
    """The client closed its capture: when all frames are in the broker, write the close entry; then close the socket
    with 1000."""

    timestamp_end: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """Close the socket with ``close_code``, and with ``code`` as the reason.

    Attributes:
        sends_abort: whether to send a ``capture.abort`` first.
        opened: whether the brokers may have a capture that needs its terminal entry and its outcome.
        why: a sentence for the log; a close reason may have only 123 bytes (RFC 6455, 5.5).
    """

    code: CaptureCode
    close_code: int
    sends_abort: bool
    opened: bool
    why: str = field(default="", compare=False)


Action = Open | Forward | CheckSession | Complete | Finish


def finish_of(code: CaptureCode, *, opened: bool) -> Finish:
    """The `Finish` for a code; ``opened``: whether the brokers may have a capture."""
    if code == "server_shutdown":
        return Finish(code, 1012, sends_abort=opened, opened=opened)
    if close_code := CODES[code].close:
        return Finish(code, close_code, sends_abort=False, opened=opened)
    sends_abort = opened and code != "client_disconnected"
    return Finish(code, 1000 if opened else 1008, sends_abort=sends_abort, opened=opened)
