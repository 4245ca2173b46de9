"""The event that says that an artifact is gone. Workers publish it, and load no other event of the library."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from contracts.messages.event import A3CPMessage
from contracts.rules.ids import Identifier, UtcDatetime

__all__ = ["CaptureErased"]


class CaptureErased(A3CPMessage):
    """A worker has removed the artifact that the capture's own event names, and checked that it is gone. ``hash`` is
    that event's."""

    source: Literal["landmark_extractor"] = "landmark_extractor"
    event: Literal["capture.erased"] = "capture.erased"
    capture_id: Identifier
    hash: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    erased_at: UtcDatetime
