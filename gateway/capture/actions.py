"""The actions of the capture protocol: what it asks its endpoint to do. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from contracts.messages.capture import CaptureOpen
from contracts.rules.codes import CODES, CaptureCode
from contracts.state.frame import ForwardItem

__all__ = ["Action", "CheckSession", "Complete", "Finish", "Forward", "Open", "finish_of"]


@dataclass(frozen=True, slots=True)
class Open:
    """Reserve, open and dispatch the capture; answer with `opened` or `fail`."""

    message: CaptureOpen


@dataclass(frozen=True, slots=True)
class Forward:
    """Put this frame into the forward queue."""

    item: ForwardItem


@dataclass(frozen=True, slots=True)
class CheckSession:
    """Look the session up again; answer with `session_checked`."""


@dataclass(frozen=True, slots=True)
class Complete:
    """The client closed its capture: when all frames are in the broker, write the close entry; close 1000."""

    timestamp_end: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """Close the socket with ``close_code`` and the code as its reason.

    ``tell`` says that a ``capture.abort`` goes first, ``opened`` that there may be a capture in the brokers
    which needs its terminal entry and its outcome. ``why`` is for the log: the close's reason has no room for it.
    """

    code: CaptureCode
    close_code: int
    tell: bool
    opened: bool
    why: str = field(default="", compare=False)


Action = Open | Forward | CheckSession | Complete | Finish


def finish_of(code: CaptureCode, *, opened: bool) -> Finish:
    """How a connection ends for this reason; ``opened``: there may be a capture in the brokers."""
    if code == "server_shutdown":
        return Finish(code, 1012, tell=opened, opened=opened)
    if close_code := CODES[code].close:
        return Finish(code, close_code, tell=False, opened=opened)
    tell = opened and code != "client_disconnected"
    return Finish(code, 1000 if opened else 1008, tell=tell, opened=opened)
