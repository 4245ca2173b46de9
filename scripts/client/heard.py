"""What the gateway says on a capture's socket, as far as a client reads it."""

from __future__ import annotations

from pydantic import TypeAdapter

from contracts import CaptureProgress
from contracts.messages.base import StrictModel

__all__ = ["MESSAGE", "PROGRESS"]


class _Message(StrictModel):
    """What the gateway says, as far as it matters of what kind it is; a newer one may have other kinds and codes."""

    event: str
    error_code: str = ""


MESSAGE = TypeAdapter(_Message)
PROGRESS = TypeAdapter(CaptureProgress)
